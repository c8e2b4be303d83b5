// The array of float8 in binary format (PostgreSQL 15, arrayfuncs.c, array_send).
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "absl/strings/string_view.h"
#include "server/sql/postgres_feature_table.h"

namespace predictd {
namespace {

constexpr uint32_t kFloat8 = 701;

// Reads big-endian numbers from left to right; what is beyond the end fails.
class Reader {
 public:
  explicit Reader(absl::string_view bytes) : bytes_(bytes) {}

  bool failed() const { return failed_; }
  bool at_end() const { return bytes_.empty(); }

  template <typename Number>
  Number Take() {
    if (bytes_.size() < sizeof(Number)) {
      failed_ = true;
      return 0;
    }
    Number value = 0;
    for (size_t i = 0; i < sizeof(Number); ++i) {
      value = (value << 8) | static_cast<unsigned char>(bytes_[i]);
    }
    bytes_.remove_prefix(sizeof(Number));
    return value;
  }

 private:
  absl::string_view bytes_;
  bool failed_ = false;
};

// NaN stays NaN, and what is too large for a float is no feature that a model could take.
float FeatureValue(uint64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return std::abs(value) <= std::numeric_limits<float>::max()
             ? static_cast<float>(value)
             : std::numeric_limits<float>::quiet_NaN();
}

bool ReadValues(absl::string_view array, size_t count, FeatureValues& values) {
  Reader reader(array);
  const auto dimensions = reader.Take<uint32_t>();
  reader.Take<uint32_t>();
  const auto type = reader.Take<uint32_t>();
  const auto size = reader.Take<uint32_t>();
  reader.Take<uint32_t>();
  if (dimensions != 1 || type != kFloat8 || size != count) return false;
  values.resize(count, std::numeric_limits<float>::quiet_NaN());
  for (float& value : values) {
    const auto length = static_cast<int32_t>(reader.Take<uint32_t>());
    if (length == -1) continue;
    if (length != sizeof(double)) return false;
    value = FeatureValue(reader.Take<uint64_t>());
  }
  return !reader.failed() && reader.at_end();
}

}  // namespace

absl::StatusOr<std::optional<FeatureRow>> PostgresRow(const PGresult* result,
                                                      const std::shared_ptr<const Schema>& schema,
                                                      absl::Time read_at) {
  if (PQntuples(result) == 0) return std::nullopt;
  FeatureRow row;
  const bool readable =
      PQnfields(result) == 1 && PQfformat(result, 0) == 1 &&
      ReadValues({PQgetvalue(result, 0, 0), static_cast<size_t>(PQgetlength(result, 0, 0))},
                 schema->size(), row.values);
  if (!readable) return absl::DataLossError("a row that is not in the form it was asked for");
  row.schema = schema;
  row.read_at = read_at;
  row.origin = FeatureOrigin::kSource;
  return row;
}

}  // namespace predictd
