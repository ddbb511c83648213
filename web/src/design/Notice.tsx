import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./Icon";
import "./Notice.css";

type Tone = "plain" | "good" | "attention" | "danger";

const ICONS: Record<Tone, IconName> = {
  plain: "about",
  good: "check",
  attention: "attention",
  danger: "urgent",
};

interface NoticeProps {
  tone?: Tone;
  icon?: IconName;
  title?: string;
  /** Buttons. */
  actions?: ComponentChildren;
  /** "alert" is said at once, "status" when the person pauses; without, only when reached. */
  role?: "alert" | "status";
  children?: ComponentChildren;
}

/** Something to know, in a sentence or two. */
export function Notice({ tone = "plain", icon, title, actions, role, children }: NoticeProps) {
  return (
    <div class={`notice ${tone}`} role={role}>
      <Icon name={icon ?? ICONS[tone]} size={22} />
      <div class="stack close">
        {title && <p class="title">{title}</p>}
        {children && <div class="words">{children}</div>}
        {actions && <div class="row">{actions}</div>}
      </div>
    </div>
  );
}
