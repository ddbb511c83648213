import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./Icon";
import "./Button.css";

type Kind = "primary" | "secondary" | "quiet" | "danger";

interface ButtonProps {
  kind?: Kind;
  icon?: IconName;
  large?: boolean;
  /** What a screen reader says instead of the label. */
  label?: string | undefined;
  disabled?: boolean;
  autoFocus?: boolean;
  onClick?: () => void;
  children?: ComponentChildren;
}

/** Anything that does something. At most one of a screen is "primary". */
export function Button({
  kind = "secondary",
  icon,
  large,
  label,
  disabled,
  autoFocus,
  onClick,
  children,
}: ButtonProps) {
  return (
    <button
      type="button"
      class={`button ${kind}${large ? " large" : ""}${children ? "" : " bare"}`}
      aria-label={label}
      disabled={disabled}
      autoFocus={autoFocus}
      onClick={onClick}
    >
      {icon && <Icon name={icon} size={large ? 24 : 20} />}
      {children && <span>{children}</span>}
    </button>
  );
}
