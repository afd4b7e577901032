#include "kernels/blocks/grids.h"

namespace flashrow {

namespace {

/** The six bits of a digit of base 64. */
constexpr unsigned sixBits(char digit) {
  return digit >= 'a'   ? static_cast<unsigned>(digit - 'a') + 26
         : digit >= 'A' ? static_cast<unsigned>(digit - 'A')
         : digit >= '0' ? static_cast<unsigned>(digit - '0') + 52
         : digit == '+' ? 62u
         : digit == '/' ? 63u
                        : 0u;
}

/** Bit i of the bytes that are written in base 64. */
constexpr bool bitOf(const char* text, size_t i) {
  // The highest bit of a digit comes first in a byte, the lowest of a byte is its first.
  const size_t place = i / 8 * 8 + 7 - i % 8;
  return (sixBits(text[place / 6]) >> (5 - place % 6) & 1) != 0;
}

/** Numbers below levels^weights whose bit is set, ascending, as points: a byte for each digit. */
template <class Point, size_t size, size_t levels>
constexpr std::array<Point, size> gridOf(const char* text, const int (&values)[levels]) {
  size_t numbers = 1;
  for (size_t i = 0; i < sizeof(Point); i++) numbers *= levels;
  std::array<Point, size> points{};
  size_t count = 0;
  for (size_t number = 0; number < numbers; number++) {
    if (!bitOf(text, number)) continue;
    Point point = 0;
    size_t digits = number;
    for (size_t i = 0; i < sizeof(Point); i++, digits /= levels) {
      point |= static_cast<Point>(static_cast<uint8_t>(values[digits % levels])) << (8 * i);
    }
    points[count++] = point;
  }
  return points;
}

constexpr int kLevelsIq2[] = {8, 25, 43};
constexpr int kLevelsIq3Xxs[] = {4, 12, 20, 28, 36, 44, 52, 62};
constexpr int kLevelsIq3S[] = {1, 3, 5, 7, 9, 11, 13, 15};
/** Eight times -1, 0 and 1, plus 10: without a sign bytes can be moved eight at a time. */
constexpr int kLevelsIq1[] = {2, 10, 18};

constexpr char kBitsIq2Xxs[] =
    "VRUUVRBEQUEABBREABAAAAAEQAAUAEAAAAAABAAAUBBAQREAARQEQFAEQAAQAAAFEAAAUAAAAQAAQAAAQRQEQBQUAAAEAAAEAAAEAAAAAAAA"
    "BBAAAAAAAAAAABQEEBAAQAAEEQAEARAAQEAAAQAAAAAAAQQAAAAAABAEQARAAAAEAAAAABAAAAAQAAAAQAAQAAAAAAAAAAAFAQAEAABAAAAA"
    "EQAAAAAAAAAAAQAAAABAAAAAAAAUBAAAAQABBQAAAAAAEBAAAAAAAFAAAAAAAAAAAABAQQAAAUAAAAAAQAAAAAQAQAAAAAAAAAAAAAAAQAAA"
    "QAAEAAAAAAAEAAAAAAAAAAAAAAAAAAAAAQAAAAAAUBBEQRAQARQEABAAQAAAAAREAABAQAAAQEAAAQAAQBAAAQAAABAAEAAABBAAAAAAAAAA"
    "AQAAAAAAAAAAABQEABABAAAAAAAEAAAAABABBAAAAAAAAAQAAAAEABBEUAAAAAAEAQAAAQAABAAAAAAAAQAAAAAAAABAAAAAAAAAAAAAQAEA"
    "AAEAAAAAAAAAAAQAAAAAAQAAAAAEEAQAAAAEAAAAAAAAQAAAAAAAAAAEAAAAAAAAAAAAQQAAAQAAAQAAQAAAAABAAAAAAAAAQAAAABAAAAAA"
    "EQAAAAAAAAAAAAAUAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQEEAAAQAAEAAAAAEQAAEAAAAAAAA"
    "AAQAAAAAAAAAABREABAAQAAAAAAEAAAABAAAABAAAAQAQAAAAQAAAEAAAAAAAAAAAAAAAQAAAAAAAAAAAAABAAAAAAAAAAAEARAEAAAAAAAB"
    "AEAAAAAAQAAAAAAAAAABAAAAAAAEAEAAAQAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAAAEAAAAAAAAQAAAAAAAAAAAAAAAAAAAAAA"
    "BAAAABAAAAQAAAABAAAAAAAAAAAEAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEAAAAAAAEAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAA=";

constexpr char kBitsIq2Xs[] =
    "VVVVUVVFQRVFAVRVVVBFQRAFAQBUURBAQQQAAQEAUFVFQRUVARQEAFBFQQAFAQQEAABAQQAQBQAAQAAAQFUFERQEARAAQEAFAQAEAABAEAAA"
    "AQAEAQAAAAAQAVRVUVBFQUAFAQBUURBAQQAAAVAAUBEAQAAAAQAAAFBFQQBFARAEAABAQQAAAQAAAAAAQAAEAAABAAAAAAAFBQAEQAAABAAA"
    "EQAAAAAABAAAAAAAAABAAAAAAABVVRBAQQAAAQAEUBAAQBAAEAAAABAAAAEAAAAEAABEQQBAAQAAAAAAQAAAAAQQAAAAEAABAAEAAAAAAAAQ"
    "QQEEAAABABAABAAAAAAAABAAAQAAARAAAAAARAEAUFVFQVUFERQEAFBFQQAFAQBEAEBAQQFAAQAAAAAAQBVFARQEABAAAQAFARAEAAAAAEAA"
    "AQEAQBAAAAAAABQEABABAQEAAAAEEAAAQQBAAAAAQAAAAAAAAAAAAFBFQRAFAQAEAABAQQQABQAAAAAAQAAAABAAAAAAAEAFAQQEABBAAAAB"
    "QQAAAAAAQBAAAAAAEAAAABAAAAQEQABAQAAAAAABAAAQQAEAAAAAAAAAAAAAAABAAABAQQAAARAQAAEAUAAAAAAAAAAAAAAAABAABAAAAAEA"
    "AUAAAAAAAAAAAAAEABABAAAAABAAAAAAAAAAAAAAEAAAAAAAAAEAAAAAAAQAAAAAAAAABAAAABAQAAAAQBUFARUEAFAAAFAVAQAEEAQAAAAA"
    "AQAEAAAAQAEAQRRUABAAQABAAAAEAAAAAQAAAABAAAAEAAAAAAEAABAEAAQAAAEUAAAEBAAAAAAAAAAAAAAABAAAABAEBBAFAQAEAAEAAQAA"
    "AQAQAAAAAQAAAAAAAAAABABAAABEAAAAQRAAAAAAAAAAEAAAAAAUAAAAAAABAAAAAAAAAAAAAAQAAAAABAAAAAABAAAAAAAAEAAAABAAAAAA"
    "RQEEBAAAAAAAAQAAAABAEAAAAEAUAQAQAAAAAQAEAAAAQAAAAABAAAAAAAAAAAAAAAAAAAAAAABAAAAEAEAARQAAAAAAQBAEAAAAAAAABQAA"
    "AAAABQAAAAABAAE=";

constexpr char kBitsIq2S[] =
    "VVVVUVVFVRUFEVVVUVBFVRQFFRRUURBQVQQAEREQUFVFVVVVFVRFUVBVVRRVVRRUURBAVQQAURQEUBAAQBVVEVVVURABAUAFVQREURBAQAAA"
    "ARQQBRAAAABAAFRVUVFFVRUVURRUVVVFVRUFVRQAUBRBQQQFABQEAFBFVRRVVRRUURBAVRUFVRQEUBAAQBQFARQEABAAAEBVUQRUURBAAQAA"
    "VRQEUBAAEAAABBAEABAABAAAAABUURVRQQUEAREAVFBBQAUFARQEABAQAFEEAQAABQBEVRQFVRQEUBAAQBQFARQEABEAAAAFAQAEAAQAAAAA"
    "ERQAUBAAAEAAABUEAAAAAAAAEAAABEAAAAAEQAEAUFVVRVVVFRREUVBFVQVVVRRUURBAQRUEURQEUAAAQFVVVVRVUVBFQQBVVRRUURBQQQAA"
    "VRQEUBAAQAAAEBRVUVBFQQAEAQBUURBAQQAAAUAAUBAAQAAAAAAAAFBFVRVVVRRUUQBAVRUFVRQEUBAAQBQFARQEABQAAABVVRRUURBAQQAA"
    "VRQEUBAAQAAAABQEABEAAAAAAABUURBAQUAAAQAAUBAAQAAAAAAAABAAEAAAAABAAABERRUFURQEQBAAQBUFARQEABAAEAAEAQAEAAEAAAAB"
    "URQEUBAAQAAAABQEABAQABAABAAEAAAAAAAAABAAUBAAAAAAEAAAARAAAEAAAAAAAAAAAAAABAAAAABAQBVFERRUERBBAQBFVRRUUQBAQQBA"
    "ERUAUBAAAAAAAFRVEVBFQQAFAQBUURBAQQAAAQEAUBAAUAAAAAAAABBBAQAFAQAAAEBAAQAAAQBAAAAAAAAABAAABUAAAAFFVRBUURBAQQAA"
    "ERQAUBAQAAAAABQEABAAAAAAAEBUURBAQQAAAUAAUBAAQAAAAAAAERAAAAAQABAAAABAQQAQAQAAAAAAUAAAAAARAAAAAAAAAAAAAAAAQAAA"
    "EREQVBAAAAAABAEAABAAAAQAAAAQBEAUAAAARAEAURAAQAAAAAABQBAAEAAAAAAAAAAAAAAAAAQAAAAAAEAAQAAAAAAAAAEAAAAAQAAABAAA"
    "QAEUAQAAABAAAAE=";

constexpr char kBitsIq3Xxs[] =
    "FYoFAgQAACgKBSIFAhAAARUCBYoAggAgggUgAAAAAAEACACAEIAAKIIAAAQABAAAAAAAIAAAEAAAUQAACAACAAoFChWAAQAABQIFAAAAAAAK"
    "BQIBAAAABAUAAQJAAEAAIgAAAAABAAAAABEAQAAAAiAAAAAAAAAAAAAEAAEAAAAFCkUCBAAAACoFAgEAAIgBBYIFgAEgAAACEQAAAAAAEQAA"
    "ACAACAAACACAAAIAABAAAAAAAAAAAApAAAAgAAAAAgUKAAABIAQFAAECUAAAAAoBIAAABAAEAAIACAAAAAAAAAABgAAABEEABAAAIAAAABAA"
    "QAAACAAAAAAIAAABABCAAKAAiAAAAAAAAAAAABAAAAGAAQBBAIAAAAAgAAAAEAAAAAACEAAAACAACAAAAQAAAAAAAAAAIAUAAQAAAAAABAAA"
    "AgAAAUEAQAAAIAAAABAABAAAAAQEAAAAAAgAAAABiAAAAAAEBAAAAgAAAAAAAAAAAAEAAAAAEAAEAAAAAAAQAFAAEAAAAAIAAAACAACAAAAA"
    "ABAAAAAAQQAAAAAAAAAAEAAAACAAAAAABAAAAAAACAAAAAAIAAIAAAAAAKgBAAQABAAAAABAAAEAAAAABAAAIAQAAAEgAAgAAAEAAAACAAIA"
    "AAAFABAAAAAAAAAAAAEAAAAAAAAAAAAAAAA=";

constexpr char kBitsIq3S[] =
    "p1cjCKUKBZIXI4kiEAAiBKNJIhGkCgAJCCIFShAFgCIBiBIECQIAARQARQiiAEAIQAoAAgAEAAIVAEUIABEAABerBVIAUAIESxECCQIFAEEB"
    "pBEECSABBJIJghECAAQBKBQACkQRAAACCQIFAAIAAAAAkQBQAAAACgUCIAIABAGrVYoFKgWAKQWJJBIEAgAAkgAKgQKIABIlAhQKBAFAAIIA"
    "CSQCAAAkEAIEgAEIAAGFAAIAACACACACQAEIAQAABKoEKpQCCAIqEAoAAQABRAEEARQAAQAAAhGKAYogAAgIQgQCAAQRAAIFIAQQQAAIAEAA"
    "AAIAAAAKAAUgAAAAABEEkQQCAQABhAoEIQgiAAAKIQIIAYAEARAKBSIAAAAABQAQgAEAAAKgAAIAAAAEAAAIABAAAAEAACEAAQgCAAAEEQQA"
    "kQRAECoEAgQAAAAEAQIIQQAIAACEAYAAEAIgCBIAAQRAAAAAAARAAAAKAAAAAAAABAAAABQABAAAAAAAACoACgAAAQABAIEAAAAQAAAEABAE"
    "IAQBARACAAEAAAAAACAACAAEAAkAABAAAAEAIAAAAAEAAAAACgAAAAAAAJEABUABEAQABAIQACgAAAASQQIBAAIAAAQAACQACAAAIggBAAAB"
    "AAAAAAQABAAAAAQAAAIAAAAAAQAAAAAAAAA=";

constexpr char kBitsIq1[] =
    "VSUUhaACQlEIRTGohiCKohoIKiAUhVAUgiBERSUVBaACgiCIGAAIgqADKqCIu6oKkKoLACIACqqMgqAIQFEIRSGIgFAUQlEIijAImKAIgCoI"
    "RSEUhSBIQlUIRQEswqAgiiYAKiSoqqII4q8ICCgoAKACQiiqKCCogCAKmwi5uqggyq6Joq6qOnzr6rq7gg64IrrK0w6SAiIAIiCoiroKggII"
    "ACpK4KI7IiArogCBQIGqiigIIgEUhVAVgiAJRSFUhaAIAiOoOiCEgiBUQlEIoiAIlVAUAioIuKiCgKBIAiAIgqJoogIoqyoIhSAIgjAIRUAA"
    "RSEUhaAAQlEARQEpggCKgioIoTAUBVAUgigIRSEUhSACAiCqKgAgErGKriiouqGqqHAAggoIAigiAoQAggBIgKDqsCqqwiCLuiLq2qeLi26o"
    "krAqqnKLikQMKiBIhEAoiioIqiDIzKIioq+aoOioAgACACqoiAAggKCLoqIouqCAgjIKur64uv7roqArogiKCijqogChMgIM+qTq3u8rqC6N"
    "vn7r+vd/v+Z9ut5p+yf/vyb6EunhiiIQqr4OhKoIsqgLgq7/uiTpg4AEYixo8qgKpCsAAioICOKqEgACgioKpiDJgomQgigAogCMgBMAgggI"
    "AGyKqqq7Aqa+iqDKAoBrly7QsukQghAuqt4oFdGlBAAKggCKgiAIAaEggqo5uiIyhKAJgBgAiqJiAoEURFEARSGsglAUQlEIqiAoqocKEioI"
    "RSEUBaAIQlEIRQEgAqBAoiIAiAAIoghqim64qqqAACAKguLIIiEIRFAUQlEJiiAVhVAUhgoIqioqgAAKQlEIRSGoAFAUQlEI4iCIggoYgioI"
    "qqKqirCLAgoqqiAogoCqCigIKACpiAIioL4LKLgIirpLsq7/uqT4rqogUihotqAw5oAKAigIImpigCAKAqqqK6rqoqmgoggIECCgiiIAgg4A"
    "RSEUhaAKQFEIRSGpBgBKqgIIpQAQDUQUgigIRSEUBQAIgoKs8iAAAACqCigKuiDqogIAgkgJKOkUABFLRVEARQGoAlAUQlEIiCQIiCgKQAgA"
    "RQEUBaACQFEIRQE=";

}  // namespace

namespace {

/** The points, weight by weight as numbers of their levels. */
template <class Point, size_t size, size_t levels>
constexpr DigitWords<size> digitsOf(const std::array<Point, size>& points, const int (&values)[levels]) {
  constexpr size_t kBits = 16 / sizeof(Point);
  DigitWords<size> words{};
  for (size_t p = 0; p < size; p++) {
    for (size_t i = 0; i < sizeof(Point); i++) {
      for (size_t digit = 0; digit < levels; digit++) {
        if (static_cast<int>(points[p] >> (8 * i) & 0xff) != values[digit]) continue;
        words.of[p] = static_cast<uint16_t>(words.of[p] | digit << (8 * (i % 2) + kBits * (i / 2)));
      }
    }
  }
  return words;
}

/** The digit of a weight, of a point of eight. */
constexpr unsigned digitOf(uint16_t word, unsigned weight) {
  return word >> (8 * (weight % 2) + 2 * (weight / 2)) & 3u;
}

template <size_t size>
constexpr DigitBytes<size> apart(const DigitWords<size>& words) {
  DigitBytes<size> bytes{};
  for (size_t p = 0; p < size; p++) {
    bytes.even[p] = static_cast<uint8_t>(words.of[p] & 0xff);
    bytes.odd[p] = static_cast<uint8_t>(words.of[p] >> 8);
  }
  return bytes;
}

template <size_t size>
constexpr DigitsBesideSigns<size> besideSigns(const DigitWords<size>& words) {
  DigitsBesideSigns<size> bytes{};
  for (size_t p = 0; p < size; p++) {
    const auto digits = [&](unsigned weight) {
      unsigned found = 0;
      for (unsigned high = 0; high < 2; high++) {
        const unsigned first = weight + 4 * high;
        const unsigned outer = digitOf(words.of[p], first), inner = digitOf(words.of[p], first + 1);
        found |= (outer << 1 | (inner & 1) | inner >> 1 << 3) << (4 * high);
      }
      return static_cast<uint8_t>(found);
    };
    bytes.first[p] = digits(0);
    bytes.second[p] = digits(2);
  }
  return bytes;
}

constexpr Iq1Digits iq1Digits(const DigitWords<2048>& words) {
  Iq1Digits digits{};
  for (size_t p = 0; p < 2048; p++) {
    unsigned all = 0;
    for (unsigned i = 0; i < 8; i++) all |= digitOf(words.of[p], i) << (2 * i);
    const size_t sixteen = p / 16;
    const auto high = static_cast<uint8_t>(all >> 8);
    digits.low[p] = static_cast<uint8_t>(all & 0xff);
    if (p % 16 == 0) {
      digits.high[0][sixteen] = digits.high[1][sixteen] = high;
      digits.change[sixteen] = 16;
    } else if (digits.high[1][sixteen] != high) {
      digits.change[sixteen] = digits.change[sixteen] == 16 ? static_cast<uint8_t>(p % 16) : 0xff;
      digits.high[1][sixteen] = high;
    }
  }
  return digits;
}

/** Whether no sixteen of points changes twice. */
constexpr bool isComplete(const Iq1Digits& digits) {
  for (const uint8_t change : digits.change) {
    if (change > 16) return false;
  }
  return true;
}

}  // namespace

extern constexpr std::array<uint64_t, 256> kGridIq2Xxs = gridOf<uint64_t, 256>(kBitsIq2Xxs, kLevelsIq2);
extern constexpr std::array<uint64_t, 512> kGridIq2Xs = gridOf<uint64_t, 512>(kBitsIq2Xs, kLevelsIq2);
extern constexpr std::array<uint64_t, 1024> kGridIq2S = gridOf<uint64_t, 1024>(kBitsIq2S, kLevelsIq2);
extern constexpr std::array<uint32_t, 256> kGridIq3Xxs = gridOf<uint32_t, 256>(kBitsIq3Xxs, kLevelsIq3Xxs);
extern constexpr std::array<uint32_t, 512> kGridIq3S = gridOf<uint32_t, 512>(kBitsIq3S, kLevelsIq3S);
extern constexpr std::array<uint64_t, 2048> kGridIq1 = gridOf<uint64_t, 2048>(kBitsIq1, kLevelsIq1);

extern constexpr DigitWords<256> kDigitsIq2Xxs = digitsOf(kGridIq2Xxs, kLevelsIq2);
extern constexpr DigitWords<512> kDigitsIq2Xs = digitsOf(kGridIq2Xs, kLevelsIq2);
extern constexpr DigitWords<1024> kDigitsIq2S = digitsOf(kGridIq2S, kLevelsIq2);
extern constexpr DigitWords<256> kDigitsIq3Xxs = digitsOf(kGridIq3Xxs, kLevelsIq3Xxs);
extern constexpr DigitWords<512> kDigitsIq3S = digitsOf(kGridIq3S, kLevelsIq3S);
extern constexpr DigitWords<2048> kDigitsIq1 = digitsOf(kGridIq1, kLevelsIq1);

extern constexpr DigitBytes<256> kDigitBytesIq2Xxs = apart(kDigitsIq2Xxs);
extern constexpr DigitBytes<512> kDigitBytesIq2Xs = apart(kDigitsIq2Xs);
extern constexpr DigitBytes<1024> kDigitBytesIq2S = apart(kDigitsIq2S);
extern constexpr DigitBytes<256> kDigitBytesIq3Xxs = apart(kDigitsIq3Xxs);
extern constexpr DigitBytes<512> kDigitBytesIq3S = apart(kDigitsIq3S);

extern constexpr DigitsBesideSigns<256> kDigitsBesideSignsIq2Xxs = besideSigns(kDigitsIq2Xxs);
extern constexpr DigitsBesideSigns<512> kDigitsBesideSignsIq2Xs = besideSigns(kDigitsIq2Xs);
extern constexpr DigitsBesideSigns<1024> kDigitsBesideSignsIq2S = besideSigns(kDigitsIq2S);

extern constexpr Iq1Digits kIq1Digits = iq1Digits(kDigitsIq1);
static_assert(isComplete(kIq1Digits), "the last weights of 16 points in order have at most two values");

namespace {

constexpr std::array<uint64_t, 256> signMasks() {
  std::array<uint64_t, 256> masks{};
  for (size_t bits = 0; bits < 256; bits++) {
    for (size_t i = 0; i < 8; i++) masks[bits] |= (bits >> i & 1) != 0 ? uint64_t{0xff} << (8 * i) : 0;
  }
  return masks;
}

constexpr std::array<uint64_t, 128> evenSignMasks() {
  constexpr std::array<uint64_t, 256> all = signMasks();
  std::array<uint64_t, 128> masks{};
  for (size_t seven = 0; seven < 128; seven++) {
    size_t odd = 0;
    for (size_t i = 0; i < 7; i++) odd ^= seven >> i & 1;
    masks[seven] = all[seven | odd << 7];
  }
  return masks;
}

}  // namespace

extern constexpr std::array<uint64_t, 256> kSignMasks = signMasks();
extern constexpr std::array<uint64_t, 128> kEvenSignMasks = evenSignMasks();

}  // namespace flashrow
