import { messages } from "../../messages";
import type { Failure } from "../../sw/protocol";

/** Half a sentence: "the file bundle/network.onnx is not the one that it was made of". */
export function whyNot({ problem, where }: Failure): string {
  return messages.value.install.whyNot[problem](where);
}
