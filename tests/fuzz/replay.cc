// Runs a fuzz target over files and folders, where no fuzzer is built in: seeds, and inputs that once found something, stay tests.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void run(const std::filesystem::path& file, std::size_t& count) {
  std::ifstream in(file, std::ios::binary);
  std::vector<char> bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  ++count;
}

}  // namespace

int main(int count, char** paths) {
  std::size_t files = 0;
  for (int at = 1; at < count; ++at) {
    if (!std::filesystem::is_directory(paths[at])) {
      run(paths[at], files);
      continue;
    }
    for (const auto& one : std::filesystem::recursive_directory_iterator(paths[at]))
      if (one.is_regular_file()) run(one.path(), files);
  }
  std::cout << files << " inputs\n";
  return files > 0 ? 0 : 1;
}
