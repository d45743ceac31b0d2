#include "common/metrics/metrics.h"

#include <mutex>
#include <tuple>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace rollcall::metrics {
namespace {

class VendorCounter final : public Counter {
 public:
  explicit VendorCounter(prometheus::Counter& series) : series_(series) {}
  void add(double amount) override { series_.Increment(amount); }

 private:
  prometheus::Counter& series_;
};

class VendorGauge final : public Gauge {
 public:
  explicit VendorGauge(prometheus::Gauge& series) : series_(series) {}
  void set(double value) override { series_.Set(value); }

 private:
  prometheus::Gauge& series_;
};

class VendorHistogram final : public Histogram {
 public:
  explicit VendorHistogram(prometheus::Histogram& series) : series_(series) {}
  void observe(double value) override { series_.Observe(value); }

 private:
  prometheus::Histogram& series_;
};

template <class Series>
using SeriesMap = std::map<std::pair<std::string, Labels>, std::unique_ptr<Series>>;

}  // namespace

/// The mutex guards the maps alone: the vendor's series lock for themselves, and our wrappers never move.
struct Registry::State {
  explicit State(std::string name) : worker{{"worker", std::move(name)}} {}

  template <class Series, class Make>
  Series& find_or(SeriesMap<Series>& series, const std::string& name, const Labels& labels, Make make) {
    const std::lock_guard lock(mutex);
    auto& entry = series[{name, labels}];
    if (!entry) entry = make();
    return *entry;
  }

  Labels worker;
  prometheus::Registry registry;
  std::mutex mutex;
  SeriesMap<Counter> counters;
  SeriesMap<Gauge> gauges;
  SeriesMap<Histogram> histograms;
};

Registry::Registry(std::string worker) : state_(std::make_unique<State>(std::move(worker))) {}
Registry::~Registry() = default;

Counter& Registry::counter(const std::string& name, const std::string& help, const Labels& labels) {
  return state_->find_or(state_->counters, name, labels, [&] {
    auto& family =
        prometheus::BuildCounter().Name(name).Help(help).Labels(state_->worker).Register(state_->registry);
    return std::make_unique<VendorCounter>(family.Add(labels));
  });
}

Gauge& Registry::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  return state_->find_or(state_->gauges, name, labels, [&] {
    auto& family =
        prometheus::BuildGauge().Name(name).Help(help).Labels(state_->worker).Register(state_->registry);
    return std::make_unique<VendorGauge>(family.Add(labels));
  });
}

Histogram& Registry::histogram(const std::string& name, const std::string& help, std::vector<double> bounds,
                               const Labels& labels) {
  return state_->find_or(state_->histograms, name, labels, [&] {
    auto& family =
        prometheus::BuildHistogram().Name(name).Help(help).Labels(state_->worker).Register(state_->registry);
    return std::make_unique<VendorHistogram>(family.Add(labels, std::move(bounds)));
  });
}

std::string Registry::render() const {
  return prometheus::TextSerializer{}.Serialize(state_->registry.Collect());
}

}  // namespace rollcall::metrics
