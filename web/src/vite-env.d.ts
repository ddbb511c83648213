/// <reference types="vite/client" />
declare module "onnxruntime-web/ort-wasm-simd-threaded.mjs?url" {
  const url: string;
  export default url;
}
declare module "overread:kernels" {
  const base64: string;
  export default base64;
}
declare module "overread:kernels/shared" {
  const base64: string;
  export default base64;
}
