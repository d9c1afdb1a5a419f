#include "runtime/tools/phxcc/interruption.h"

#include <csignal>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <thread>

#include <unistd.h>

namespace phx::phxcc {
namespace {
std::mutex guard;
std::string doomed;
}  // namespace

void handle_interruptions() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals] {
    int caught = 0;
    sigwait(&signals, &caught);
    std::lock_guard<std::mutex> lock(guard);
    std::error_code ignored;
    if (!doomed.empty()) std::filesystem::remove_all(doomed, ignored);
    _exit(128 + caught);
  }).detach();
}

void remove_on_interruption(const std::string& folder) {
  std::lock_guard<std::mutex> lock(guard);
  doomed = folder;
}

}  // namespace phx::phxcc
