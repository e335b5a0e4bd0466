// Showers from a file of `monsoon export`, with onnxruntime's C++ interface: onnx_showers FILE.onnx PDG [SEED]
//
//   g++ -O2 -std=c++17 -I ONNXRUNTIME/include onnx_showers.cpp -L ONNXRUNTIME/lib -lonnxruntime -o onnx_showers
//
// Prints the visible energy of five showers; onnx_showers.py prints the same numbers. In Geant4 the part
// between the lines is what a fast simulation model does for the particles that wait at the calorimeter's face:
// many at once, because a call for one costs nearly as much as a call for a hundred.

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <vector>

constexpr int64_t SHOWERS = 5;
constexpr int64_t COLUMNS = 7;  // pdg, energy_mev, direction_x, _y, _z, offset_x_mm, offset_y_mm

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: onnx_showers FILE.onnx PDG [SEED]\n");
    return 2;
  }
  try {
    Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "monsoon");
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1);
    Ort::Session session(env, argv[1], options);
    const int64_t dimensions = session.GetInputTypeInfo(1).GetTensorTypeAndShapeInfo().GetShape()[1];

    // ---- conditions: what is known of each particle on the face
    std::vector<float> conditions;
    for (int64_t shower = 0; shower < SHOWERS; ++shower) {
      const float energy_mev = 10000.f * static_cast<float>(shower + 1);
      const std::array<float, COLUMNS> row = {std::strtof(argv[2], nullptr), energy_mev, 0.f, 0.f, 1.f, 0.f, 0.f};
      conditions.insert(conditions.end(), row.begin(), row.end());
    }
    // noise: uniform in (0, 1), never 0 or 1; all randomness of the showers
    std::mt19937 words(argc > 3 ? static_cast<uint32_t>(std::atol(argv[3])) : 1u);
    std::vector<float> noise(static_cast<size_t>(SHOWERS * dimensions));
    const double least = 1.0 / (1 << 24);
    for (float& number : noise) {
      number = static_cast<float>(std::clamp((words() + 0.5) / 4294967296.0, least, 1.0 - least));
    }
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    const std::array<int64_t, 2> of_conditions = {SHOWERS, COLUMNS}, of_noise = {SHOWERS, dimensions};
    std::array<Ort::Value, 2> inputs = {
        Ort::Value::CreateTensor<float>(memory, conditions.data(), conditions.size(), of_conditions.data(), 2),
        Ort::Value::CreateTensor<float>(memory, noise.data(), noise.size(), of_noise.data(), 2)};
    const std::array<const char*, 2> names = {"conditions", "noise"};
    const std::array<const char*, 1> outputs = {"energy_mev"};
    auto made = session.Run(Ort::RunOptions{nullptr}, names.data(), inputs.data(), 2, outputs.data(), 1);
    const float* energy_mev = made[0].GetTensorData<float>();  // [SHOWERS, voxels], visible MeV
    const int64_t voxels = made[0].GetTensorTypeAndShapeInfo().GetShape()[1];
    // ---- place voxel v of each shower where the geometry in the file's metadata says

    for (int64_t shower = 0; shower < SHOWERS; ++shower) {
      const float* first = energy_mev + shower * voxels;
      const double total = std::accumulate(first, first + voxels, 0.0);
      const auto hit = voxels - std::count(first, first + voxels, 0.f);
      std::printf("%.0f %.2f %ld\n", conditions[static_cast<size_t>(shower * COLUMNS + 1)], total,
                  static_cast<long>(hit));
    }
  } catch (const Ort::Exception& error) {
    std::fprintf(stderr, "onnx_showers: %s\n", error.what());
    return 2;
  }
  return 0;
}
