export { pointwise } from "./pointwise";
export { depthwise } from "./depthwise";
export { dense } from "./dense";
export { interleave, move, planes } from "./planes";
export { across, down } from "./resize";
export { colours, opaque } from "./colours";
