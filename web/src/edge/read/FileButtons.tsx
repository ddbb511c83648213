// The camera, and the files of the device.

import { useRef } from "preact/hooks";
import { Button } from "../../design/Button";
import type { IconName } from "../../design/Icon";
import { messages } from "../../messages";

// Asked for JPEG, a phone hands over JPEG also where it keeps its photographs in another format.
const KINDS = "image/jpeg,image/png";

interface FileButtonsProps {
  onFiles: (files: readonly File[]) => void;
  large?: boolean;
}

export function FileButtons({ onFiles, large = false }: FileButtonsProps) {
  const say = messages.value.read;
  // Where there is no touch there is hardly a camera to point at somebody.
  const pointsByHand = window.matchMedia("(pointer: coarse)").matches;
  return (
    <>
      {pointsByHand && (
        <FileButton kind="primary" icon="camera" label={say.camera} camera large={large} onFiles={onFiles} />
      )}
      <FileButton
        kind={pointsByHand ? "secondary" : "primary"}
        icon="photographs"
        label={say.choose}
        large={large}
        onFiles={onFiles}
      />
    </>
  );
}

interface FileButtonProps {
  kind: "primary" | "secondary";
  icon: IconName;
  label: string;
  camera?: boolean;
  large: boolean;
  onFiles: (files: readonly File[]) => void;
}

function FileButton({ kind, icon, label, camera = false, large, onFiles }: FileButtonProps) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        hidden
        data-source={camera ? "camera" : "files"}
        accept={KINDS}
        multiple={!camera}
        {...(camera ? { capture: "environment" as const } : {})}
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = ""; // So that the same file can be chosen again.
          onFiles(files);
        }}
      />
      <Button kind={kind} icon={icon} large={large} onClick={() => input.current?.click()}>
        {label}
      </Button>
    </>
  );
}
