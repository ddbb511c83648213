/// <reference types="vite/client" />
declare module "onnxruntime-web/ort-wasm-simd-threaded.mjs?url" {
  const url: string;
  export default url;
}
