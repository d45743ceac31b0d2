#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// Counters, gauges and histograms in Prometheus' text form. Labels come from small fixed sets only.
/// Names: rollcall_<noun>_<unit>[_total]. All calls are safe from any thread; returned references live as
/// long as the registry.
namespace rollcall::metrics {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double amount = 1) = 0;
};
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void set(double value) = 0;
};
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double value) = 0;
};

class Registry {
 public:
  /// `worker` becomes a label of every series.
  explicit Registry(std::string worker);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// The same name and labels give the same series.
  Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram& histogram(const std::string& name, const std::string& help, std::vector<double> bounds,
                       const Labels& labels = {});

  /// The text exposition format, version 0.0.4.
  [[nodiscard]] std::string render() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rollcall::metrics
