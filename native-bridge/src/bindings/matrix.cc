#include "bindings/bindings.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings/arguments.h"
#include "bindings/holder.h"
#include "bindings/pool.h"
#include "dense/matrix.h"

namespace flashrow {
namespace {

class Matrix : public Holder<Matrix, ResidentMatrix> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Matrix",
                       {InstanceAccessor<&Matrix::bytes>("bytes"), InstanceMethod<&Matrix::matmul>("matmul"),
                        InstanceMethod<&Matrix::multiplyFirst>("multiplyFirst"),
                        InstanceMethod<&Matrix::multiplyHeads>("multiplyHeads"), InstanceMethod<&Matrix::row>("row"),
                        InstanceMethod<&Matrix::checksum>("checksum"), InstanceMethod("dispose", &Matrix::dispose)});
  }

  explicit Matrix(const Napi::CallbackInfo& info) : Holder(info) {
    guarded(info.Env(), [&] {
      const Pool& pool = Pool::from(info[0]);
      const Napi::Object object = toObject(info[1], "source");
      const MatrixSource source{
          toText(object.Get("path"), "path"), countOf(object, "offset"),
          countOf(object, "rowStride"),       countOf(object, "rows"),
          countOf(object, "columns"),         formatOf(object.Get("format"), "format"),
      };
      native_ = std::make_unique<ResidentMatrix>(pool.threads(), pool.kernels(), source);
    });
  }

 private:
  Napi::Value bytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), native_ == nullptr ? 0 : static_cast<double>(native_->bytes()));
  }

  void matmul(const Napi::CallbackInfo& info) {
    with(info, [&](ResidentMatrix& matrix) {
      const uint64_t tokens = toCount(info[1], "tokens");
      const float* x = toFloats(info[0], elements(tokens, matrix.columns()), "x");
      matrix.matmul(x, tokens, matrix.rows(), toFloats(info[2], elements(tokens, matrix.rows()), "y"));
    });
  }

  void multiplyFirst(const Napi::CallbackInfo& info) {
    with(info, [&](ResidentMatrix& matrix) {
      const float* x = toFloats(info[0], matrix.columns(), "x");
      const uint64_t rows = toCount(info[1], "rows");
      if (rows > matrix.rows()) {
        failUsage("a matrix of " + std::to_string(matrix.rows()) + " rows has no " + std::to_string(rows) +
                  " first ones");
      }
      matrix.matmul(x, 1, rows, toFloats(info[2], rows, "y"));
    });
  }

  void multiplyHeads(const Napi::CallbackInfo& info) {
    with(info, [&](ResidentMatrix& matrix) {
      const uint64_t tokens = toCount(info[1], "tokens");
      const uint64_t heads = toCount(info[2], "heads");
      const bool transposed = toFlag(info[3], "transposed");
      if (heads == 0 || matrix.rows() % heads != 0) failUsage("heads must divide the matrix's rows");
      const size_t columns = elements(heads, matrix.columns());
      const float* x = toFloats(info[0], elements(tokens, transposed ? matrix.rows() : columns), "x");
      float* y = toFloats(info[4], elements(tokens, transposed ? columns : matrix.rows()), "y");
      matrix.multiplyHeads(x, tokens, heads, transposed, y);
    });
  }

  void row(const Napi::CallbackInfo& info) {
    with(info, [&](ResidentMatrix& matrix) {
      const uint64_t index = toCount(info[0], "index");
      if (index >= matrix.rows()) {
        failUsage("a matrix of " + std::to_string(matrix.rows()) + " rows has no row " + std::to_string(index));
      }
      matrix.row(index, toFloats(info[1], matrix.columns(), "into"));
    });
  }

  Napi::Value checksum(const Napi::CallbackInfo& info) {
    uint32_t sum = 0;
    with(info, [&](ResidentMatrix& matrix) {
      const uint64_t first = toCount(info[0], "firstRow");
      const uint64_t count = toCount(info[1], "rows");
      if (first > matrix.rows() || count > matrix.rows() - first) {
        failUsage("a matrix of " + std::to_string(matrix.rows()) + " rows has no " + std::to_string(count) +
                  " from row " + std::to_string(first));
      }
      sum = matrix.checksum(first, count);
    });
    return Napi::Number::New(info.Env(), sum);
  }
};

}  // namespace

Napi::Function defineMatrix(Napi::Env env) { return Matrix::define(env); }

}  // namespace flashrow
