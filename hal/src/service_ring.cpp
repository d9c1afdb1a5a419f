#include <phalanx/hal/service_ring.h>

namespace phx::hal {

void ServiceRing::set_handler(ServiceHandler* handler) {
  std::lock_guard lock(mutex_);
  handler_ = handler;
}

ServiceHandler* ServiceRing::handler() const {
  std::lock_guard lock(mutex_);
  return handler_;
}

ServiceRing::Output ServiceRing::drain() {
  std::lock_guard lock(mutex_);
  held_ = 0;
  return std::exchange(output_, Output{});
}

void ServiceRing::set_capacity(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

uint64_t ServiceRing::capacity() const {
  std::lock_guard lock(mutex_);
  return capacity_;
}

void ServiceRing::print(PrintRecord record) {
  std::lock_guard lock(mutex_);
  if (held_ + record.text.size() > capacity_) {
    ++output_.dropped_prints;
    return;
  }
  held_ += record.text.size();
  output_.prints.push_back(std::move(record));
}

void ServiceRing::assertion(AssertRecord record) {
  std::lock_guard lock(mutex_);
  output_.asserts.push_back(std::move(record));
}

}  // namespace phx::hal
