"""Trains the handwritten-digits example: a small convolutional network for 8x8 images.

The data are the 1797 images that scikit-learn ships as `load_digits` (see NOTICE for their
origin and terms).  360 of them, stratified by digit, are held back with a fixed seed; the
other 1437 train the network.  The held-back images take no part in training: the number of
epochs is fixed, the last weights are the ones kept, and the accuracy on the held-back images
is computed once, at the end.  (The number of epochs and the strength of the augmentation were
chosen by 4-fold cross-validation within the training images, which gave 99.0 %.)  The split is
by image, so images of one writer may lie on both sides of it.

Written next to this script:

  digits.safetensors  the weights, f32, under the names that digits.ir binds
  test_images.npy     uint8   [360, 1, 8, 8]  held-back images, raw pixels 0..16
  test_labels.npy     int64   [360]           their digits
  test_probs.npy      float32 [360, 10]       the expected output of digits.ir for them

The expected output comes from a plain NumPy forward pass in float64 over the saved weights
(`reference_probs`); it shares no code with the network that is trained.  digits.ir, the same
network in gcomp's IR, is written by hand.

To run (about a minute on one core):

  python3 -m venv venv
  venv/bin/pip install numpy==2.4.6 scikit-learn==1.9.1 safetensors==0.8.0 jax==0.10.2 jaxlib==0.10.2
  venv/bin/python train.py

With these versions (Python 3.11) the run repeats bit for bit on one machine.  Another kind of
CPU may round differently, and then the weights and the probabilities change slightly.
"""

import os
import time
from pathlib import Path

# One thread, so that the order of every sum is fixed; to be set before JAX is imported.
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import load_file, save_file
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = Path(__file__).resolve().parent
SEED = 0
HELD_BACK = 360
EPOCHS = 60
BATCH = 64
PEAK_RATE = 3e-3
WEIGHT_DECAY = 1e-2
PIXEL_SCALE = 0.0625  # 1/16: pixels 0..16 become 0..1


# ---- Data


def load_split():
    """Returns (train_images, test_images, train_labels, test_labels); images are uint8 NCHW."""
    digits = load_digits()
    images = digits.images.astype(np.uint8)[:, None, :, :]
    labels = digits.target.astype(np.int64)
    return train_test_split(images, labels, test_size=HELD_BACK, stratify=labels, random_state=SEED)


def shifted(images, rng):
    """Moves about half of the images by -1, 0 or 1 pixel along each axis, filling with background."""
    padded = np.pad(images[:, 0], ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (8, 8), axis=(1, 2))
    moved = rng.random(len(images)) < 0.5
    dy, dx = np.where(moved, rng.integers(0, 3, size=(2, len(images))), 1)  # 1 is "in place"
    return windows[np.arange(len(images)), dy, dx][:, None]


# ---- The network (JAX, float32)


def init_params(rng):
    """He initialisation for the weights, zeros for the biases."""

    def normal(shape, fan_in):
        return (rng.standard_normal(shape) * np.sqrt(2.0 / fan_in)).astype(np.float32)

    return {
        "conv1.weight": normal((16, 1, 3, 3), 1 * 9),
        "conv1.bias": np.zeros(16, np.float32),
        "conv2.weight": normal((32, 16, 3, 3), 16 * 9),
        "conv2.bias": np.zeros(32, np.float32),
        "fc.weight": normal((512, 10), 512),
        "fc.bias": np.zeros(10, np.float32),
    }


def conv3x3(x, weight, bias):
    y = jax.lax.conv_general_dilated(
        x, weight, (1, 1), ((1, 1), (1, 1)), dimension_numbers=("NCHW", "OIHW", "NCHW"))
    return y + bias[:, None, None]


def logits(params, images):
    x = images.astype(jnp.float32) * PIXEL_SCALE
    x = jax.nn.relu(conv3x3(x, params["conv1.weight"], params["conv1.bias"]))
    x = jax.nn.relu(conv3x3(x, params["conv2.weight"], params["conv2.bias"]))
    x = x.reshape(-1, 32, 4, 2, 4, 2).max(axis=(3, 5))
    return x.reshape(-1, 512) @ params["fc.weight"] + params["fc.bias"]


# ---- Training (AdamW, linear warm-up, cosine decay)


def loss(params, images, labels):
    log_probs = jax.nn.log_softmax(logits(params, images))
    return -jnp.take_along_axis(log_probs, labels[:, None], axis=1).mean()


def learning_rate(step, steps):
    warm_up = 0.05 * steps
    decay = (step - warm_up) / (steps - warm_up)
    return PEAK_RATE * jnp.where(step < warm_up, step / warm_up, 0.5 * (1 + jnp.cos(jnp.pi * decay)))


def adamw_step(state, batch, steps):
    params, mean, square, step = state
    value, grads = jax.value_and_grad(loss)(params, *batch)
    step = step + 1
    rate = learning_rate(step, steps)
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, grads)
    square = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, square, grads)

    def update(p, m, s):
        direction = (m / (1 - 0.9**step)) / (jnp.sqrt(s / (1 - 0.999**step)) + 1e-8)
        decay = WEIGHT_DECAY * p if p.ndim > 1 else 0.0
        return p - rate * (direction + decay)

    return (jax.tree.map(update, params, mean, square), mean, square, step), value


def train(images, labels, seed=SEED):
    """Returns the trained weights as a dict of float32 NumPy arrays."""
    rng = np.random.default_rng(seed)
    params = init_params(rng)
    batches = len(images) // BATCH  # what is left over changes from epoch to epoch
    steps = EPOCHS * batches

    @jax.jit
    def run_epoch(state, epoch_images, epoch_labels):
        return jax.lax.scan(lambda s, b: adamw_step(s, b, steps), state, (epoch_images, epoch_labels))

    zeros = jax.tree.map(jnp.zeros_like, params)
    state = (params, zeros, zeros, jnp.float32(0))
    for epoch in range(EPOCHS):
        order = rng.permutation(len(images))[: batches * BATCH]
        epoch_images = shifted(images, rng)[order].reshape(batches, BATCH, 1, 8, 8)
        epoch_labels = labels[order].astype(np.int32).reshape(batches, BATCH)
        state, losses = run_epoch(state, epoch_images, epoch_labels)
        if (epoch + 1) % 10 == 0:
            print(f"epoch {epoch + 1:3d}  mean training loss {losses.mean():.4f}")
    return {name: np.asarray(value) for name, value in state[0].items()}


# ---- The reference forward pass (plain NumPy, float64)


def reference_conv3x3(x, weight, bias):
    """Cross-correlation with one pixel of zero padding, NCHW and OIHW."""
    n, _, height, width = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    y = np.zeros((n, weight.shape[0], height, width))
    for i in range(3):
        for j in range(3):
            window = padded[:, :, i : i + height, j : j + width]
            y += np.einsum("nchw,oc->nohw", window, weight[:, :, i, j])
    return y + bias.reshape(1, -1, 1, 1)


def reference_probs(weights, images):
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    x = images.astype(np.float64) * PIXEL_SCALE
    x = np.maximum(reference_conv3x3(x, w["conv1.weight"], w["conv1.bias"]), 0.0)
    x = np.maximum(reference_conv3x3(x, w["conv2.weight"], w["conv2.bias"]), 0.0)
    x = np.maximum(np.maximum(x[:, :, 0::2, 0::2], x[:, :, 0::2, 1::2]),
                   np.maximum(x[:, :, 1::2, 0::2], x[:, :, 1::2, 1::2]))
    z = x.reshape(len(x), 512) @ w["fc.weight"] + w["fc.bias"]
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return (e / e.sum(axis=1, keepdims=True)).astype(np.float32)


def accuracy(probs, labels):
    right = int((probs.argmax(axis=1) == labels).sum())
    return f"{right} of {len(labels)} ({100 * right / len(labels):.2f} %)"


def main():
    train_images, test_images, train_labels, test_labels = load_split()
    start = time.perf_counter()
    params = train(train_images, train_labels)
    print(f"trained {EPOCHS} epochs on {len(train_images)} images in {time.perf_counter() - start:.1f} s")

    save_file(params, HERE / "digits.safetensors")
    weights = load_file(HERE / "digits.safetensors")
    test_probs = reference_probs(weights, test_images)
    np.save(HERE / "test_images.npy", test_images)
    np.save(HERE / "test_labels.npy", test_labels)
    np.save(HERE / "test_probs.npy", test_probs)

    jax_probs = np.asarray(jax.nn.softmax(logits(weights, test_images)))
    print(f"largest difference, JAX float32 against the reference: {np.abs(jax_probs - test_probs).max():.1e}")
    print("right on the training images: ", accuracy(reference_probs(weights, train_images), train_labels))
    print("right on the held-back images:", accuracy(test_probs, test_labels))


if __name__ == "__main__":
    main()
