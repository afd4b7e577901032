#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "arena.h"
#include "kernels/kernels.h"
#include "thread_pool.h"

namespace flashrow {

struct KeyValueCacheOptions {
  size_t numLayers, numAttentionHeads, numKeyValueHeads, headDim, contextSize;
  Format format;
  /** Per layer how many positions, its own included, a token sees; 0: all. Empty: all in every layer. */
  std::vector<uint32_t> windows;
  /**
   * [numLayers, numAttentionHeads]: logits that take part in a head's softmax and bring no value; empty without them.
   */
  std::vector<float> sinks;
  /** Scaled logits x become softCap * tanh(x / softCap); 0: they are left alone. */
  float softCap = 0;
  /** Values are the first so many numbers of the keys; 0: they are of their own. */
  size_t sharedValueDim = 0;
};

/**
 * Keys and values in pages of 64 positions, not all of which need be held. A page holds the keys [64, headDim] of each
 * key-value head, and then the values likewise. Where they are integers, their f32 scales follow: those of the keys,
 * [64] per head, and those of the values.
 */
class KeyValueCache {
 public:
  static constexpr size_t kPagePositions = 64;
  /** Queries that share one pass over keys and values. */
  static constexpr size_t kTileQueries = 32;

  KeyValueCache(std::shared_ptr<ThreadPool> pool, const Kernels& kernels, const KeyValueCacheOptions& options);

  size_t keyValueSize() const { return options_.numKeyValueHeads * options_.headDim; }
  size_t querySize() const { return options_.numAttentionHeads * options_.headDim; }
  size_t outputSize() const { return options_.numAttentionHeads * valueDim(); }
  /** Whether values are part of the keys. */
  bool sharesValues() const { return options_.sharedValueDim != 0; }
  size_t bytes() const;
  void append(size_t layer, size_t position, size_t tokens, const float* k, const float* v);
  /**
   * Where `seen` is not null, token t sees block b of `blockSize` positions if seen[t, b] is not 0; a row has as many
   * blocks as position + tokens need. Each token has to see one position at least. Pages that no token sees need not be
   * held.
   */
  void attend(size_t layer, size_t position, size_t tokens, const float* q, float* out, const uint8_t* seen = nullptr,
              size_t blockSize = 1, bool together = false);
  /** Forgets a layer's positions from `length` on, and frees whole pages beyond it. */
  void truncate(size_t layer, size_t length);
  /** Has two positions that a layer holds change places. */
  void swap(size_t layer, size_t one, size_t other);
  /** Frees a layer's pages that lie whole between two positions. */
  void drop(size_t layer, size_t from, size_t to);
  /** Has one layer hold what another one holds of its first `length` positions. */
  void copy(size_t from, size_t to, size_t length);
  /** Writes a page that a layer holds, pageBytes() of them. */
  void savePage(size_t layer, size_t page, uint8_t* into);
  /** Has a layer hold a page that was saved; positions up to its end then count as held. */
  void loadPage(size_t layer, size_t page, const uint8_t* from);
  size_t pageBytes() const;

 private:
  /** Memory for pagesPerRun_ pages, untouched where they have not been written; none while all of them are free. */
  struct Run {
    Arena memory;
    std::vector<uint32_t> free;
  };
  struct Page {
    /** Null where the page is not held. */
    uint8_t* data = nullptr;
    uint32_t run = 0;
    uint32_t place = 0;
  };
  struct PerLayer {
    std::vector<Run> runs;
    /** By position / kPagePositions, up to the last one that was held. */
    std::vector<Page> pages;
    /** Positions that a token sees; 0: all. */
    size_t window = 0;
    /** [numAttentionHeads]; null without them. */
    const float* sinks = nullptr;
    /** Positions 0..length have been written. */
    size_t length = 0;
  };
  /** Queries that share a key-value head and are computed by one thread: `heads` of its heads for each of `tokens`. */
  struct Tile {
    size_t keyValueHead, head, heads, token, tokens;
  };
  struct TileRows;
  /** The blocks of positions that tokens see: [tokens, blocks]; null where they see all. */
  struct Blocks {
    const uint8_t* seen;
    size_t size, count;
    /** By page, whether any token sees a position of it; null where all pages of a window are seen. */
    const uint8_t* pages;
    /** The end of tokens that see each other both ways, also beyond a window; 0 where each sees those up to itself. */
    size_t end;
  };

  PerLayer& checked(size_t layer, size_t position, size_t tokens);
  bool scaled() const { return options_.format != Format::F32; }
  size_t vectorsOf(size_t heads) const { return heads * kPagePositions * rowBytes(); }
  size_t valueDim() const { return sharesValues() ? options_.sharedValueDim : options_.headDim; }
  /** Vectors of one position that a page keeps. */
  size_t keptHeads() const { return (sharesValues() ? 1 : 2) * options_.numKeyValueHeads; }
  bool holds(const PerLayer& layer, size_t page) const {
    return page < layer.pages.size() && layer.pages[page].data != nullptr;
  }
  /** Takes memory for a page that is not held. */
  void take(PerLayer& layer, size_t page);
  void release(PerLayer& layer, size_t page);
  uint8_t* keys(uint8_t* page, size_t head) const { return page + vectorsOf(head); }
  uint8_t* values(uint8_t* page, size_t head) const { return keys(page, valueHead(head)); }
  /** One per position; null where values are kept as they are. */
  float* keyScales(uint8_t* page, size_t head) const;
  float* valueScales(uint8_t* page, size_t head) const { return keyScales(page, valueHead(head)); }
  /** The place of a head's values among the vectors of a page. */
  size_t valueHead(size_t head) const { return (sharesValues() ? 0 : options_.numKeyValueHeads) + head; }
  size_t rowBytes() const { return options_.headDim * valueBytes_; }
  void store(const float* from, uint8_t* into, float* scale) const;
  /** The pages that some token sees, by page. */
  const uint8_t* markPages(size_t position, size_t tokens, const uint8_t* seen, size_t blockSize);
  void attendTile(const PerLayer& layer, const Tile& tile, size_t position, const float* q, float* out,
                  const Blocks& blocks, size_t thread);
  /** Calls visit(page, first position, positions) for the pages that the rows see. */
  template <class Visit>
  void eachPage(const TileRows& rows, const Visit& visit) const;
  void scoreTile(const TileRows& rows, void* scratch) const;
  void softmaxTile(const TileRows& rows) const;
  void sumTile(const TileRows& rows, void* scratch) const;

  std::shared_ptr<ThreadPool> pool_;
  const Kernels& kernels_;
  KeyValueCacheOptions options_;
  size_t valueBytes_;
  size_t pagesPerRun_ = 1;
  std::vector<PerLayer> layers_;
  /** By page, whether a token of the running call sees a position of it. */
  std::vector<uint8_t> seenPages_;
  /** Per thread: a tile's queries and sums, [queries, headDim], and scores, [queries, positions]. */
  std::vector<std::vector<float>> scratch_;
};

}  // namespace flashrow
