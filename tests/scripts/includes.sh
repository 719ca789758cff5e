#!/usr/bin/env bash
# Who may include whom, what heed.h includes, and the names at the top of the tree.
#
#   includes.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

failed=0
refuse() { echo "$1: $2" >&2; failed=1; }

declare -A may=([core]='core' [ops]='core ops' [nn]='core ops nn' [optim]='core ops optim' [models]='core ops nn optim models')
checked=0
while IFS=: read -r file line; do
  folder=${file%%/*}
  name=${line#*[<\"]} name=${name%%[>\"]*}
  checked=$((checked + 1))
  case $line in
    *'include "'*)  # of our own: relative, to a folder below
      target=$(realpath -m --relative-to=. "$(dirname "$file")/$name")
      [ -f "$target" ] || refuse "$file" "there is no $name here: one's own headers are included relative to the file"
      [[ " ${may[$folder]} " == *" ${target%%/*} "* ]] || refuse "$file" "$folder/ must not include $target" ;;
    *)
      case $name in
        heed/*) grep -q "^int main(" "$file" || refuse "$file" "inside the library, include $name relative to the file" ;;
        hwy/*) [[ $file == ops/kernels/* ]] || refuse "$file" "only ops/kernels includes Highway" ;;
        tbb/* | oneapi/*) [[ $file == core/parallel.cpp ]] || refuse "$file" "only core/parallel.cpp includes oneTBB" ;;
        cblas.h) [[ $file == core/blas.cpp ]] || refuse "$file" "only core/blas.cpp includes cblas" ;;
        png.h) [[ $file == models/data/image.cpp ]] || refuse "$file" "only models/data/image.cpp includes libpng" ;;
        pcre2.h) [[ $file == models/data/tokenizer.cpp ]] || refuse "$file" "only models/data/tokenizer.cpp includes PCRE2" ;;
        CLI/*) [[ $file == models/run/*.cpp ]] || refuse "$file" "only the .cpp of models/run include CLI11" ;;
        nlohmann/* | iostream | functional | random | regex)
          [[ $file != *.h ]] || refuse "$file" "a header must not include <$name>" ;;
      esac ;;
  esac
done < <(find "${!may[@]}" -name '*.h' -o -name '*.cpp' -o -name '*.inl' | xargs grep -HE '^ *# *include' | sort)

for file in nn/*.h; do
  grep -qx "#include \"$file\"" heed.h || refuse heed.h "$file is missing"
done

agreed=' core ops nn optim models tests tools CMakeLists.txt CMakePresets.json README.md LICENSE heed.h '
if command -v git >/dev/null && [ -e .git ]; then
  for name in $(git -c safe.directory='*' ls-files | cut -d/ -f1 | sort -u); do
    [[ $name == .* || $agreed == *" $name "* ]] || refuse "$name" "is not among the names agreed for the top of the tree:$agreed"
  done
fi
[ $failed = 0 ] && echo "$checked includes"
exit $failed
