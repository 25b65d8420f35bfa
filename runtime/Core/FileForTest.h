// Bytes of npy and safetensors files, made by hand, and temporary files.
#ifndef SEQ_CORE_FILE_FOR_TEST_H
#define SEQ_CORE_FILE_FOR_TEST_H

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <unistd.h>
#include <vector>

namespace files {

template <typename T> std::string raw(const std::vector<T> &values) {
  return {reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T)};
}

inline std::string reversed(std::string bytes, size_t unit) {
  for (size_t i = 0; i + unit <= bytes.size(); i += unit)
    for (size_t k = 0; k < unit / 2; k++)
      std::swap(bytes[i + k], bytes[i + unit - 1 - k]);
  return bytes;
}

// An npy file with this header text.
inline std::string npyText(const std::string &header, const std::string &data, int version = 1) {
  std::string out = "\x93NUMPY";
  out += char(version);
  out += '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); i++)
    out += char(header.size() >> (8 * i) & 255);
  return out + header + data;
}

inline std::string npy(const std::string &descr, const std::string &shape, const std::string &data,
                       const char *fortran = "False") {
  return npyText("{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape +
                     ", }\n",
                 data);
}

inline std::string safetensors(const std::string &header, const std::string &data) {
  std::string out;
  for (int i = 0; i < 8; i++)
    out += char(uint64_t(header.size()) >> (8 * i) & 255);
  return out + header + data;
}

// A file that is gone at the end of the test.
struct temporary {
  std::string path;
  temporary(const char *suffix, const std::string &bytes) {
    char name[] = "/tmp/seqrtXXXXXX";
    close(mkstemp(name));
    unlink(name);
    path = std::string(name) + suffix;
    FILE *file = fopen(path.c_str(), "wb");
    fwrite(bytes.data(), 1, bytes.size(), file);
    fclose(file);
  }
  ~temporary() { unlink(path.c_str()); }
  temporary(const temporary &) = delete;
};

} // namespace files

#endif
