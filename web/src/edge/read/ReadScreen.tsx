// Photographs in, readings out: the start, the list where there are several, or one photograph.

import { messages } from "../../messages";
import { place } from "../place";
import { opened } from "../state";
import { addPhotographs } from "./addPhotographs";
import type { Desk, Photograph } from "./desk";
import { PhotographList } from "./PhotographList";
import { PhotographScreen } from "./PhotographScreen";
import { StartScreen } from "./StartScreen";

export function ReadScreen({ desk }: { desk: Desk }) {
  const photographs = desk.photographs.value;
  const chosen = desk.find(Number(place.value.rest));
  const add = (files: readonly File[]) => addPhotographs(desk, files);
  const shown = chosen ? "one" : place.value.rest === "list" && photographs.length > 0 ? "list" : "start";
  return (
    <>
      <p class="for-readers-only" role="status">
        {spoken(photographs, chosen)}
      </p>
      {shown === "one" && chosen && (
        <PhotographScreen key={chosen.id} desk={desk} photograph={chosen} onFiles={add} />
      )}
      {shown === "list" && <PhotographList desk={desk} onFiles={add} />}
      {shown === "start" && <StartScreen desk={desk} opened={opened.value} onFiles={add} />}
    </>
  );
}

function spoken(photographs: readonly Photograph[], chosen: Photograph | null): string {
  const say = messages.value.read;
  if (chosen) return chosen.stage === "reading" ? say.reading : "";
  const done = photographs.filter((one) => one.stage === "done" || one.stage === "failed").length;
  return photographs.length > 1 ? say.progress(done, photographs.length) : "";
}
