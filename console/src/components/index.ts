/** The components that pages are made of. `README.md` says what each is for. */
export { LevelBadge, OriginBadge, Tag } from "./badges.js";
export { Button, ButtonLink } from "./button.js";
export { ContextLine, ContextPlace, ContextRow } from "./context-row.js";
export { Confirm, Dialog } from "./dialog.js";
export { Docs } from "./docs.js";
export { Facts, Figure } from "./facts.js";
export { Check, NumberField, Select, TextArea, TextField, TimeField } from "./field.js";
export { Icon, type IconName } from "./icon.js";
export { Meter } from "./meter.js";
export { moveFocus, Page, Section } from "./page.js";
export { PagedList, Slices } from "./pager.js";
export { Bar, ScoreBars } from "./score-bars.js";
export { Degraded, Empty, Loading, Problem } from "./states.js";
export { Table } from "./table.js";
export { Tabs } from "./tabs.js";
export { Copy, Prose, Value, visible } from "./text.js";
export { now, Time } from "./time.js";
