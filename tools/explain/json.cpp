#include "json.h"
#include <bit>

namespace heed::explain {
namespace {

static_assert(std::endian::native == std::endian::little);

// RFC 4648, section 4
std::string base64(std::span<const std::byte> bytes) {
  constexpr auto digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string r;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    uint32_t three = 0;
    for (std::size_t k = 0; k < n; ++k) three |= std::to_integer<uint32_t>(bytes[i + k]) << (16 - 8 * k);
    for (std::size_t k = 0; k < 4; ++k) r += k <= n ? digits[three >> (18 - 6 * k) & 63] : '=';
  }
  return r;
}

template <class T>
json with(const char* type, const Tensor& x) {
  const std::vector<T> values = x.to_vector<T>();
  return {{"shape", std::vector<int64_t>(x.shape().begin(), x.shape().end())},
          {type, base64(std::as_bytes(std::span(values)))}};
}

}  // namespace

json json_of(const Tensor& x) { return with<double>("f64", x); }
json rough_json_of(const Tensor& x) { return with<float>("f32", x); }

}  // namespace heed::explain
