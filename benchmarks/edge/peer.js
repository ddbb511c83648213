// The same layers with the same weights in TensorFlow.js, each with its bias and ReLU6 fused, as its own converter
// would have them; preprocessing is the nearest that it has: bilinear, not antialiased.
/* global tf */

let model;

async function open(threads) {
  tf.wasm.setWasmPaths("packages/@tensorflow/tfjs-backend-wasm/wasm-out/");
  tf.wasm.setThreadsCount(threads);
  await tf.setBackend("wasm");
  const said = await (await fetch("model/model.json")).json();
  const values = new Float32Array(await (await fetch("model/weights.bin")).arrayBuffer());
  const take = ({ at, shape }) => {
    const count = shape.reduce((product, side) => product * side, 1);
    return tf.tensor(values.subarray(at, at + count), shape);
  };
  model = {
    ...said,
    steps: said.steps.map((step) => ({ ...step, filter: take(step.filter), bias: take(step.bias) })),
    mean: take(said.mean),
    scale: take(said.scale),
    head: take(said.head),
  };
  return { backend: tf.getBackend(), threads: tf.wasm.getThreadsCount(), version: tf.version_core };
}

function features(input) {
  const tensors = [input];
  for (const { kind, from, added, filter, bias, stride, pad, relu6 } of model.steps) {
    const convolve = kind === "depthwise" ? tf.fused.depthwiseConv2d : tf.fused.conv2d;
    const activation = relu6 ? "relu6" : "linear";
    const given = convolve({ x: tensors[from], filter, strides: stride, pad, bias, activation });
    tensors.push(added === null ? given : tf.add(given, tensors[added]));
  }
  return tf.concat(model.cuts.map((cut) => tf.mean(tensors[cut], [1, 2])), 1);
}

/** Bytes of a JPEG file to a score, with the milliseconds of each part. */
async function read(content) {
  const begun = performance.now();
  const bitmap = await createImageBitmap(new Blob([content], { type: "image/jpeg" }));
  const pixels = tf.browser.fromPixels(bitmap);
  bitmap.close();
  const decoded = performance.now();
  const input = tf.tidy(() => {
    const resized = tf.image.resizeBilinear(pixels, [model.size, model.size], false, true);
    return tf.expandDims(tf.mul(tf.sub(resized, model.mean), model.scale), 0);
  });
  const preprocessed = performance.now();
  const score = tf.tidy(() => tf.sigmoid(tf.matMul(features(input), model.head)));
  const [value] = await score.data();
  const done = performance.now();
  tf.dispose([pixels, input, score]);
  return { value, ms: [decoded - begun, preprocessed - decoded, done - preprocessed] };
}

/** Features of an input, to see that the layers are the same: [size, size, 3] flat → flat. */
function featuresOf(values) {
  return tf.tidy(() => Array.from(features(tf.tensor(values, [1, model.size, model.size, 3])).dataSync()));
}

window.peer = { open, read, featuresOf };
