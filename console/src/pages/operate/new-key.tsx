import { type CreatedKey, caller } from "../../api/index.js";
import { Button, Copy, Icon } from "../../components/index.js";
import { strings } from "../../strings.js";

const words = strings.operate.keys;

/** A new key, which nobody can see again. */
export function NewKeyShown({ created, onClose }: { created: CreatedKey; onClose: () => void }) {
  return (
    <div class="stack">
      <p>{words.createdHint}</p>
      <div class="joined">
        <input
          class="code grow"
          readOnly
          aria-label={words.key}
          value={created.key}
          onFocus={(event) => event.currentTarget.select()}
        />
        <Copy text={created.key} label={words.copy} />
      </div>
      {caller.value?.authentication === false && (
        <div class="notice warning">
          <Icon name="warning" />
          <p>{words.closes}</p>
        </div>
      )}
      <footer class="actions end">
        <Button kind="primary" onClick={onClose}>
          {words.kept}
        </Button>
      </footer>
    </div>
  );
}
