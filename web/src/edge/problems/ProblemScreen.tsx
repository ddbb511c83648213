// The page that refuses: what is wrong, where, and what to do.

import { useState } from "preact/hooks";
import { Button } from "../../design/Button";
import { Disclosure } from "../../design/Disclosure";
import { Icon } from "../../design/Icon";
import { messages } from "../../messages";
import type { ReaderProblem } from "../../reader/contract";
import { reloadAll } from "../install/reload";
import "./ProblemScreen.css";

export function ProblemScreen({ problem }: { problem: ReaderProblem }) {
  const say = messages.value.problems;
  const [loading, setLoading] = useState(false);
  const told = say.told[problem.problem];
  const loadAgain = () => {
    setLoading(true);
    void reloadAll(problem.where);
  };
  return (
    <div class="problem stack" role="alert">
      <Icon name="lock" size={40} />
      <h1>{told.title}</h1>
      <p>
        {told.what(problem.where || say.nameless)} {told.todo}
      </p>
      <div class="row">
        <Button kind="primary" icon="again" large disabled={loading} onClick={loadAgain}>
          {loading ? say.loading : say.loadAgain}
        </Button>
      </div>
      <Disclosure title={say.details}>
        <code>{[problem.problem, problem.where, problem.detail].filter(Boolean).join(" · ")}</code>
      </Disclosure>
    </div>
  );
}
