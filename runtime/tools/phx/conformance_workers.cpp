// Cases in processes of their own: a worker is forked before any thread exists, told the number of a case at a time,
// and answers with its verdict. One that dies is replaced.
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "runtime/tools/phx/conformance.h"

namespace phx::tools {
namespace {

using Clock = std::chrono::steady_clock;

bool write_all(int to, const void* data, size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (bytes) {
    const ssize_t n = send(to, at, bytes, MSG_NOSIGNAL);
    if (n <= 0) return false;
    at += n, bytes -= static_cast<size_t>(n);
  }
  return true;
}

bool read_all(int from, void* data, size_t bytes) {
  char* at = static_cast<char*>(data);
  while (bytes) {
    const ssize_t n = read(from, at, bytes);
    if (n <= 0) return false;
    at += n, bytes -= static_cast<size_t>(n);
  }
  return true;
}

struct Answer {
  Verdict verdict;
  uint32_t bytes;  // of the reason, which follows
};

struct Worker {
  pid_t process = -1;
  int channel = -1;
  std::optional<size_t> busy_with;
  Clock::time_point since;
};

class Workers {
 public:
  Workers(const std::vector<ConformanceCase>& cases, const std::function<CaseRunner()>& make)
      : cases_(cases), make_(make) {}

  bool start(Worker& worker) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
    std::fflush(nullptr);
    worker = {fork(), ends[0], {}, {}};
    if (worker.process == 0) {
      close(ends[0]);
      serve(ends[1]);
      _exit(0);
    }
    close(ends[1]);
    return worker.process > 0;
  }

  // How a worker whose channel ended was ended.
  static std::string bury(Worker& worker, bool kill_first) {
    if (kill_first) kill(worker.process, SIGKILL);
    close(worker.channel);
    int status = 0;
    waitpid(worker.process, &status, 0);
    worker.process = -1;
    if (WIFSIGNALED(status)) return std::string("the process ended: ") + strsignal(WTERMSIG(status));
    return "the process ended with exit status " + std::to_string(WEXITSTATUS(status));
  }

 private:
  void serve(int channel) {
    CaseRunner runner = make_();
    uint64_t index;
    while (read_all(channel, &index, sizeof index)) {
      const CaseResult result = runner.run(cases_[index]);
      const Answer answer{result.verdict, static_cast<uint32_t>(result.reason.size())};
      if (!write_all(channel, &answer, sizeof answer) ||
          !write_all(channel, result.reason.data(), result.reason.size()))
        return;
    }
  }

  const std::vector<ConformanceCase>& cases_;
  const std::function<CaseRunner()>& make_;
};

}  // namespace

std::vector<CaseResult> run_cases(const std::vector<ConformanceCase>& cases, unsigned workers,
                                  std::chrono::seconds limit, const std::function<CaseRunner()>& make,
                                  const std::function<void(size_t, const CaseResult&)>& done) {
  std::vector<CaseResult> results(cases.size());
  Workers factory(cases, make);
  std::vector<Worker> pool(std::min<size_t>(workers, cases.size()));
  size_t next = 0, open = cases.size();
  auto finish = [&](Worker& worker, CaseResult result) {
    const size_t index = *worker.busy_with;
    worker.busy_with.reset();
    results[index] = std::move(result);
    --open;
    done(index, results[index]);
  };
  while (open) {
    std::vector<pollfd> waits;
    for (Worker& worker : pool) {
      if (!worker.busy_with && next < cases.size()) {
        if (worker.process < 0 && !factory.start(worker)) {
          // Without a process there is no way to run the case.
          worker.busy_with = next++;
          finish(worker, {Verdict::fail, "no process could be started for it"});
          continue;
        }
        const uint64_t index = next++;
        worker.busy_with = index, worker.since = Clock::now();
        write_all(worker.channel, &index, sizeof index);  // a dead worker shows when it is read from
      }
      waits.push_back({worker.busy_with ? worker.channel : -1, POLLIN, 0});
    }
    if (waits.size() < pool.size()) continue;
    poll(waits.data(), waits.size(), 200);
    for (size_t i = 0; i < pool.size(); ++i) {
      Worker& worker = pool[i];
      if (!worker.busy_with) continue;
      if (waits[i].revents) {
        Answer answer;
        CaseResult result;
        bool whole = read_all(worker.channel, &answer, sizeof answer);
        if (whole) {
          result.verdict = answer.verdict;
          result.reason.resize(answer.bytes);
          whole = read_all(worker.channel, result.reason.data(), answer.bytes);
        }
        if (!whole) result = {Verdict::fail, Workers::bury(worker, false)};
        finish(worker, std::move(result));
      } else if (Clock::now() - worker.since > limit) {
        Workers::bury(worker, true);
        finish(worker, {Verdict::fail, "did not end within " + std::to_string(limit.count()) + " s"});
      }
    }
  }
  for (Worker& worker : pool)
    if (worker.process > 0) {
      shutdown(worker.channel, SHUT_RDWR);
      Workers::bury(worker, false);
    }
  return results;
}

}  // namespace phx::tools
