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

  /** Of values[3, size], those in [begin, end). */
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

}  // namespace

double trainLowRank(ThreadPool& pool, const Kernels& kernels, const LowRankStep& step, const float* x, const uint8_t* active,
                    size_t samples) {
  const size_t hiddenSize = step.hiddenSize, numNeurons = step.numNeurons, rank = step.rank;
  float *const a = step.a, *const b = step.b, *const bias = step.bias;
  const size_t threads = pool.size();
  std::vector<float> codes(samples * rank), ofCodes(samples * rank), ofCodesAcross(rank * samples);
  std::vector<float> ofScores(samples * numNeurons), ofScoresAcross(numNeurons * samples);
  std::vector<float> ofA(rank * hiddenSize), ofB(numNeurons * rank), ofBias(numNeurons);
  std::vector<double> losses(numNeurons);
  const Adam adam(step);

  pool.run(threads, [&](size_t thread, size_t all) {
    const Share share(samples, 1, thread, all);
    if (share.begin == share.end) return;
    kernels.dots(Format::F32, floatRows(a, hiddenSize), rank, hiddenSize, x + share.begin * hiddenSize, hiddenSize, share.end - share.begin,
                 Products{codes.data() + share.begin * rank, rank}, pool.scratch(thread));
  });

  const double each = 1.0 / (static_cast<double>(samples) * static_cast<double>(numNeurons));
  const float weights[2] = {static_cast<float>(step.negativeWeight * each), static_cast<float>(step.positiveWeight * each)};
  const size_t bitmapBytes = (numNeurons + 7) / 8;
  pool.run(threads, [&](size_t thread, size_t all) {
    const Share share(numNeurons, 16, thread, all);
    if (share.begin == share.end) return;
    kernels.dots(Format::F32, floatRows(b + share.begin * rank, rank), share.end - share.begin, rank, codes.data(), rank, samples,
                 Products{ofScores.data() + share.begin, numNeurons}, pool.scratch(thread));
    for (size_t s = 0; s < samples; s++) {
      for (size_t n = share.begin; n < share.end; n++) {
        float& at = ofScores[s * numNeurons + n];
        const float score = at + bias[n];
        const int label = (active[s * bitmapBytes + n / 8] >> (n % 8)) & 1;
        const float weight = weights[label];
        // e^-|score| serves the sigmoid and the loss, and cannot overflow.
        const float e = std::exp(-std::fabs(score));
        const float sigmoid = (score >= 0 ? 1.0f : e) / (1 + e);
        const float wrong = label == 1 ? -score : score;
        losses[n] += static_cast<double>(weight) * static_cast<double>(std::max(0.0f, wrong) + std::log1p(e));
        at = weight * (sigmoid - static_cast<float>(label));
        ofScoresAcross[n * samples + s] = at;
        ofBias[n] += at;
      }
    }
    kernels.addScaledRows(Format::F32, floatRows(codes.data(), rank), samples, ofScoresAcross.data() + share.begin * samples, samples, 0, rank,
                          ofB.data() + share.begin * rank, rank, share.end - share.begin, pool.scratch(thread));
  });

  pool.run(threads, [&](size_t thread, size_t all) {
    const Share share(samples, 1, thread, all);
    if (share.begin == share.end) return;
    kernels.addScaledRows(Format::F32, floatRows(b, rank), numNeurons, ofScores.data() + share.begin * numNeurons, numNeurons, 0, rank,
                          ofCodes.data() + share.begin * rank, rank, share.end - share.begin, pool.scratch(thread));
    for (size_t s = share.begin; s < share.end; s++) {
      for (size_t r = 0; r < rank; r++) ofCodesAcross[r * samples + s] = ofCodes[s * rank + r];
    }
  });

  pool.run(threads, [&](size_t thread, size_t all) {
    const Share ranks(rank, 1, thread, all);
    if (ranks.begin < ranks.end) {
      kernels.addScaledRows(Format::F32, floatRows(x, hiddenSize), samples, ofCodesAcross.data() + ranks.begin * samples, samples, 0, hiddenSize,
                            ofA.data() + ranks.begin * hiddenSize, hiddenSize, ranks.end - ranks.begin, pool.scratch(thread));
      adam.apply(a, rank * hiddenSize, ofA.data(), ranks.begin * hiddenSize, ranks.end * hiddenSize);
    }
    const Share neurons(numNeurons, 16, thread, all);
    adam.apply(b, numNeurons * rank, ofB.data(), neurons.begin * rank, neurons.end * rank);
    adam.apply(bias, numNeurons, ofBias.data(), neurons.begin, neurons.end);
  });

  double loss = 0;
  for (const double part : losses) loss += part;
  return loss;
}

}  // namespace flashrow
