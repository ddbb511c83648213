export { pointwise } from "./pointwise";
export { depthwise } from "./depthwise";
export { patches, planes } from "./planes";
export { across, down } from "./resize";
export { colours, opaque } from "./colours";
