// gcomp-digits: reads handwritten digits with a small network: how a program embeds gcomp.
//
// Usage: gcomp-digits [FOLDER]   (default: the folder of this example)
// Prints accuracy and time per image, one image per call and all in one call. Exit code 1 if the
// accuracy is below 97 %.

#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "frontends/weights/npy.h"
#include "frontends/weights/store.h"
#include "runtime/engine.h"

namespace {

double NowUs() {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::micro>(now).count();
}

// Which of the 10 probabilities is the largest.
int64_t Digit(const float* probabilities) {
  return std::max_element(probabilities, probabilities + 10) - probabilities;
}

gcomp::StatusOr<bool> Classify(const std::string& folder) {
  using gcomp::Tensor;
  // A model is loaded once and shared by all threads; a context is one caller's.
  GCOMP_ASSIGN_OR_RETURN(auto engine, gcomp::Engine::Create({}));
  GCOMP_ASSIGN_OR_RETURN(auto module, gcomp::LoadModule(*engine, folder + "/digits.ir"));
  GCOMP_ASSIGN_OR_RETURN(auto weights, gcomp::OpenWeights(folder + "/digits.safetensors"));
  GCOMP_ASSIGN_OR_RETURN(auto session,
                         gcomp::Session::Load(engine, std::move(module), weights, {}));
  GCOMP_ASSIGN_OR_RETURN(auto context, gcomp::Context::Create(session, "main"));

  GCOMP_ASSIGN_OR_RETURN(Tensor images, gcomp::ReadNpy(folder + "/test_images.npy"));
  GCOMP_ASSIGN_OR_RETURN(Tensor label_tensor, gcomp::ReadNpy(folder + "/test_labels.npy"));
  auto pixels = images.Span<uint8_t>();
  auto labels = label_tensor.Span<int64_t>();
  int64_t count = label_tensor.NumElements();

  // One image per call. The first call makes the output, the others write into it.
  int64_t correct = 0;
  std::vector<Tensor> outputs;
  std::vector<double> times;
  for (int64_t i = 0; i < count; ++i) {
    GCOMP_ASSIGN_OR_RETURN(
        Tensor image, Tensor::Wrap(gcomp::DType::kU8, {1, 1, 8, 8}, {}, pixels.data() + i * 64));
    double begin = NowUs();
    GCOMP_RETURN_IF_ERROR(context->Run({{image}}, outputs));
    times.push_back(NowUs() - begin);
    correct += Digit(outputs[0].Span<float>().data()) == labels[i];
  }
  times.erase(times.begin());  // the first call prepares the network
  std::sort(times.begin(), times.end());
  std::cout << "one by one: " << correct << " of " << count << " correct, median "
            << times[times.size() / 2] << " us, p99 " << times[times.size() * 99 / 100]
            << " us per image\n";

  // All images in one call: the batch size is a symbol of the graph.
  std::vector<Tensor> batch;
  GCOMP_RETURN_IF_ERROR(context->Run({{images}}, batch));
  double begin = NowUs();
  GCOMP_RETURN_IF_ERROR(context->Run({{images}}, batch));
  double per_image = (NowUs() - begin) / static_cast<double>(count);
  int64_t batch_correct = 0;
  for (int64_t i = 0; i < count; ++i) {
    batch_correct += Digit(batch[0].Span<float>().data() + i * 10) == labels[i];
  }
  double accuracy = 100 * static_cast<double>(batch_correct) / static_cast<double>(count);
  std::cout << "as a batch: " << batch_correct << " of " << count << " correct, " << per_image
            << " us per image\naccuracy: " << accuracy << " %\n";
  return accuracy >= 97 && correct == batch_correct;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
    std::cerr << "usage: gcomp-digits [FOLDER]   (default: " << DIGITS_FOLDER << ")\n";
    return 2;
  }
  gcomp::StatusOr<bool> good = Classify(argc > 1 ? argv[1] : DIGITS_FOLDER);
  if (!good.ok()) std::cerr << good.status().ToString() << "\n";
  return good.ok() && *good ? 0 : 1;
}
