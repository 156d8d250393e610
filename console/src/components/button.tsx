import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon.js";

interface Props {
  /** `primary` for the one action that a form is for; `plain` for a quiet one. */
  kind?: "primary" | "danger" | "plain";
  icon?: IconName;
  busy?: boolean;
  type?: "button" | "submit";
  disabled?: boolean;
  title?: string;
  onClick?: (event: MouseEvent) => void;
  "aria-label"?: string;
  "aria-pressed"?: boolean;
  "aria-expanded"?: boolean;
  "aria-controls"?: string;
  /** Class beside that of buttons. */
  extra?: string;
  children?: ComponentChildren;
}

export function Button({ kind, icon, busy, children, disabled, extra = "", type = "button", ...rest }: Props) {
  return (
    <button
      type={type}
      class={`button ${kind ?? ""} ${extra}`}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      {...rest}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** A link that looks like a button. */
export function ButtonLink({ to, icon, children }: { to: string; icon?: IconName; children: ComponentChildren }) {
  return (
    <a class="button" href={to}>
      {icon && <Icon name={icon} />}
      {children}
    </a>
  );
}
