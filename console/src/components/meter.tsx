import { percent } from "../format.js";

interface Props {
  label: string;
  value: number;
  max: number;
  /** The numbers in words, such as `812 of 2,000 tokens`. */
  text: string;
  /** True if being full is bad, as for a disk. */
  alarming?: boolean;
}

/** How much of a limit is used. */
export function Meter({ label, value, max, text, alarming }: Props) {
  const share = max > 0 ? Math.min(1, value / max) : 0;
  return (
    <div class="meter">
      <span class="meter-label">
        <span>{label}</span>
        <span class="muted">{text}</span>
      </span>
      <meter
        aria-label={label}
        min={0}
        max={max}
        high={alarming ? max * 0.9 : max}
        value={value}
        title={percent(share)}
      >
        {text}
      </meter>
    </div>
  );
}
