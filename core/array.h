#pragma once
// Values: a strided view of counted storage. Cheap to copy; reshape, permute, slice and expand share the storage.
#include <cstring>
#include <optional>
#include "dtype.h"
#include "shape.h"
#include "storage.h"

namespace heed {

class Array {
 public:
  Array() {}                          // undefined: an absent argument (= default would clear it first)
  Array(const Shape& shape, Dtype t)  // fresh, values not initialised, contiguous
      : storage_(make_storage(shape.bytes(width(t)))), shape_(shape), strides_(contiguous_strides(shape)), dtype_(t) {}
  Array(Ref<Storage> storage, const Shape& shape, Dtype t)
      : storage_(std::move(storage)), shape_(shape), strides_(contiguous_strides(shape)), dtype_(t) {}
  static Array number(double v, int64_t i, Dtype t);  // no dimensions, the value inline: nothing is allocated

  // Its properties, and those of the storage: alone is whether nobody else holds it, version counts its overwriting.
  bool defined() const { return is_number_ || storage_; }
  const Shape& shape() const { return shape_; }
  const Strides& strides() const { return strides_; }
  int64_t stride(int dim) const { return strides_[static_cast<std::size_t>(dim < 0 ? dim + shape_.rank() : dim)]; }
  Dtype dtype() const { return dtype_; }
  int64_t numel() const { return shape_.numel(); }
  bool is_number() const { return is_number_; }
  bool is_contiguous() const { return contiguous_; }
  bool alone() const { return storage_ && storage_->refs.load(std::memory_order_acquire) == 1; }
  Storage* storage() const { return storage_.get(); }
  uint32_t version() const { return storage_ ? storage_->version.load(std::memory_order_relaxed) : 0; }

  // The first element; T must be the type of dtype(), or std::byte. The others lie behind it as strides() say.
  template <class T>
  const T* data() const {
    return reinterpret_cast<const T*>(is_number_ ? reinterpret_cast<const std::byte*>(&place_) : first());
  }
  const std::byte* bytes() const {  // of the first element
    return is_number_ ? reinterpret_cast<const std::byte*>(&place_)
                      : storage_->data + place_ * std::ptrdiff_t(width(dtype_));
  }
  template <class T>
  T* mutable_data() {  // for a kernel's fresh results; everything else is written by assign
    return reinterpret_cast<T*>(first());
  }

  // Views. The caller has checked that they fit.
  Array strided(const Shape& shape, const Strides& strides, int64_t skip = 0) const;  // from `skip` elements on
  Array permuted(std::span<const int> dims) const;
  Array transposed(int dim0, int dim1) const;
  Array sliced(int dim, int64_t from, int64_t count, int64_t step = 1) const;
  Array expanded(const Shape& to) const;               // broadcasts with strides of 0
  std::optional<Array> viewed(const Shape& to) const;  // another shape, if the strides allow that without copying
  Array reshaped(const Shape& to) const;               // a view where they do, a copy where not
  Array contiguous() const;                            // itself, or a copy
  Array without_values() const;                        // shape and type only
  Array cast(Dtype t) const;                           // a contiguous copy of another type

 private:
  std::byte* first() const { return storage_->data + place_ * int64_t(width(dtype_)); }

  Ref<Storage> storage_;
  Shape shape_;
  Strides strides_{};
  int64_t place_ = 0;  // of the first element in the storage, in elements; a number keeps its bytes here
  Dtype dtype_ = f32;
  bool is_number_ = false;
  bool contiguous_ = true;
};

// Writes from's values into to, element by element, converting types; to is fresh or written by assign.
void copy_into(Array& to, const Array& from);
Array filled(const Shape& shape, double value, Dtype t);

}  // namespace heed
