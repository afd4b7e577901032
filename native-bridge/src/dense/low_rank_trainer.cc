#include "dense/low_rank_trainer.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace flashrow {

namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;

Rows floatRows(const float* base, size_t columns) {
  return Rows{reinterpret_cast<const uint8_t*>(base), columns * sizeof(float), nullptr};
}

/** Adam's rates at one step. */
class Adam {
 public:
  explicit Adam(const LowRankStep& step)
      : rate_(static_cast<float>(step.learningRate / (1 - std::pow(kBeta1, step.step)))),
        correction_(static_cast<float>(1 / (1 - std::pow(kBeta2, step.step)))) {}

  /** Changes values[begin, end) and their moments in values[3, size]. */
  void apply(float* values, size_t size, const float* gradient, size_t begin, size_t end) const {
    constexpr float beta1 = kBeta1, beta2 = kBeta2, epsilon = kEpsilon;
    float* first = values + size;
    float* second = first + size;
    for (size_t i = begin; i < end; i++) {
      first[i] = beta1 * first[i] + (1 - beta1) * gradient[i];
      second[i] = beta2 * second[i] + (1 - beta2) * gradient[i] * gradient[i];
      values[i] -= rate_ * first[i] / (std::sqrt(second[i] * correction_) + epsilon);
    }
  }

 private:
  float rate_, correction_;
};

/**
 * One step: the predictor's output and its gradients, phase by phase. Sums of scaled rows need some of them transposed.
 */
class Step {
 public:
  Step(ThreadPool& pool, const Kernels& kernels, const LowRankStep& step, const float* x, const uint8_t* active,
       size_t samples)
      : pool_(pool),
        kernels_(kernels),
        step_(step),
        x_(x),
        active_(active),
        samples_(samples),
        codes_(samples * step.rank),
        gradCodes_(samples * step.rank),
        gradCodesTransposed_(step.rank * samples),
        gradScores_(samples * step.numNeurons),
        gradScoresTransposed_(step.numNeurons * samples),
        gradA_(step.rank * step.hiddenSize),
        gradB_(step.numNeurons * step.rank),
        gradBias_(step.numNeurons),
        losses_(step.numNeurons) {}

  double run() {
    pool_.run(pool_.size(),
              [&](size_t thread, size_t all) { encode(Share(samples_, 1, thread, all), pool_.scratch(thread)); });
    pool_.run(pool_.size(), [&](size_t thread, size_t all) {
      score(Share(step_.numNeurons, 16, thread, all), pool_.scratch(thread));
    });
    pool_.run(pool_.size(),
              [&](size_t thread, size_t all) { backToCodes(Share(samples_, 1, thread, all), pool_.scratch(thread)); });
    pool_.run(pool_.size(), [&](size_t thread, size_t all) {
      update(Share(step_.rank, 1, thread, all), Share(step_.numNeurons, 16, thread, all), pool_.scratch(thread));
    });
    double loss = 0;
    for (const double part : losses_) loss += part;
    return loss;
  }

 private:
  /** codes[samples, rank] = x A^T */
  void encode(const Share& share, void* scratch) {
    if (share.begin == share.end) return;
    const size_t hiddenSize = step_.hiddenSize, rank = step_.rank;
    kernels_.dots(Format::F32, floatRows(step_.a, hiddenSize), rank, hiddenSize, x_ + share.begin * hiddenSize,
                  hiddenSize, share.end - share.begin, Products{codes_.data() + share.begin * rank, rank}, scratch);
  }

  /** Scores of a share of the neurons, their loss, and the gradients of the scores, of B and of the biases. */
  void score(const Share& share, void* scratch) {
    if (share.begin == share.end) return;
    const size_t rank = step_.rank, count = share.end - share.begin;
    kernels_.dots(Format::F32, floatRows(step_.b + share.begin * rank, rank), count, rank, codes_.data(), rank,
                  samples_, Products{gradScores_.data() + share.begin, step_.numNeurons}, scratch);
    for (size_t s = 0; s < samples_; s++) {
      for (size_t n = share.begin; n < share.end; n++) differentiate(s, n);
    }
    kernels_.addScaledRows(Format::F32, floatRows(codes_.data(), rank), samples_,
                           gradScoresTransposed_.data() + share.begin * samples_, samples_, 0, rank,
                           gradB_.data() + share.begin * rank, rank, count, scratch);
  }

  /** The score in gradScores, less its bias, becomes its gradient. */
  void differentiate(size_t sample, size_t neuron) {
    const size_t bitmapBytes = (step_.numNeurons + 7) / 8;
    float& at = gradScores_[sample * step_.numNeurons + neuron];
    const float score = at + step_.bias[neuron];
    const int label = (active_[sample * bitmapBytes + neuron / 8] >> (neuron % 8)) & 1;
    const float weight = label == 1 ? positiveWeight_ : negativeWeight_;
    // e^-|score| serves the sigmoid and the loss, and cannot overflow.
    const float e = std::exp(-std::fabs(score));
    const float sigmoid = (score >= 0 ? 1.0f : e) / (1 + e);
    const float wrong = label == 1 ? -score : score;
    losses_[neuron] += static_cast<double>(weight) * static_cast<double>(std::max(0.0f, wrong) + std::log1p(e));
    at = weight * (sigmoid - static_cast<float>(label));
    gradScoresTransposed_[neuron * samples_ + sample] = at;
    gradBias_[neuron] += at;
  }

  /** gradCodes[samples, rank] = gradScores B */
  void backToCodes(const Share& share, void* scratch) {
    if (share.begin == share.end) return;
    const size_t numNeurons = step_.numNeurons, rank = step_.rank;
    kernels_.addScaledRows(Format::F32, floatRows(step_.b, rank), numNeurons,
                           gradScores_.data() + share.begin * numNeurons, numNeurons, 0, rank,
                           gradCodes_.data() + share.begin * rank, rank, share.end - share.begin, scratch);
    for (size_t s = share.begin; s < share.end; s++) {
      for (size_t r = 0; r < rank; r++) gradCodesTransposed_[r * samples_ + s] = gradCodes_[s * rank + r];
    }
  }

  /** gradA[rank, hiddenSize] = gradCodes^T x; then all parameters take their step. */
  void update(const Share& ranks, const Share& neurons, void* scratch) {
    const size_t hiddenSize = step_.hiddenSize, numNeurons = step_.numNeurons, rank = step_.rank;
    if (ranks.begin < ranks.end) {
      kernels_.addScaledRows(Format::F32, floatRows(x_, hiddenSize), samples_,
                             gradCodesTransposed_.data() + ranks.begin * samples_, samples_, 0, hiddenSize,
                             gradA_.data() + ranks.begin * hiddenSize, hiddenSize, ranks.end - ranks.begin, scratch);
      adam_.apply(step_.a, rank * hiddenSize, gradA_.data(), ranks.begin * hiddenSize, ranks.end * hiddenSize);
    }
    adam_.apply(step_.b, numNeurons * rank, gradB_.data(), neurons.begin * rank, neurons.end * rank);
    adam_.apply(step_.bias, numNeurons, gradBias_.data(), neurons.begin, neurons.end);
  }

  ThreadPool& pool_;
  const Kernels& kernels_;
  const LowRankStep& step_;
  const float* x_;
  const uint8_t* active_;
  size_t samples_;
  std::vector<float> codes_, gradCodes_, gradCodesTransposed_;
  std::vector<float> gradScores_, gradScoresTransposed_;
  std::vector<float> gradA_, gradB_, gradBias_;
  /** Per neuron. */
  std::vector<double> losses_;
  const double each_ = 1.0 / (static_cast<double>(samples_) * static_cast<double>(step_.numNeurons));
  const float negativeWeight_ = static_cast<float>(step_.negativeWeight * each_);
  const float positiveWeight_ = static_cast<float>(step_.positiveWeight * each_);
  const Adam adam_{step_};
};

}  // namespace

double trainLowRank(ThreadPool& pool, const Kernels& kernels, const LowRankStep& step, const float* x,
                    const uint8_t* active, size_t samples) {
  return Step(pool, kernels, step, x, active, samples).run();
}

}  // namespace flashrow
