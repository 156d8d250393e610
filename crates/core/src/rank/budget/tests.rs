use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy)]
struct Item {
    level: usize,
    tokens: usize,
    contends: bool,
    /// Candidates of one text repeat each other.
    text: usize,
    /// The first chosen candidate of a frame costs [`FRAME`] more.
    frame: usize,
}

const FRAME: usize = 7;

/// Candidate of a text of its own, in no frame.
fn item(level: usize, tokens: usize) -> Item {
    Item {
        level,
        tokens,
        contends: true,
        text: usize::MAX,
        frame: 0,
    }
}

impl Candidates for Vec<Item> {
    fn count(&self) -> usize {
        self.len()
    }

    fn level(&self, at: usize) -> Level {
        Level::ALL[self[at].level]
    }

    fn contends(&self, at: usize) -> bool {
        self[at].contends
    }

    fn cost(&self, at: usize, chosen: &[usize], room: usize) -> Option<usize> {
        let frame = self[at].frame;
        let framed = frame == 0 || chosen.iter().any(|at| self[*at].frame == frame);
        let cost = self[at].tokens + if framed { 0 } else { FRAME };
        (cost <= room).then_some(cost)
    }

    fn repeats(&self, at: usize, chosen: usize) -> bool {
        self[at].text == self[chosen].text && self[at].text != usize::MAX
    }
}

fn limits(max_tokens: Option<usize>, max_items: usize) -> Limits {
    Limits { max_tokens, max_items }
}

fn choose(items: &Vec<Item>, limits: Limits) -> Selection {
    select(items, limits, Some(&Budget::default()))
}

#[test]
fn unused_shares_go_to_other_levels() {
    let items: Vec<_> = (0..10).map(|_| item(2, 10)).collect();
    assert_eq!(choose(&items, limits(Some(100), 100)).chosen.len(), 10);
}

#[test]
fn a_level_keeps_its_share_against_candidates_of_about_the_same_value() {
    // Ten immediate items would fill the budget; the somewhat worse long-term ones still get their 30 %.
    let items: Vec<_> = (0..20).map(|at| item(if at < 10 { 0 } else { 2 }, 10)).collect();
    let limits = limits(Some(100), 100);
    let selection = choose(&items, limits);
    assert_eq!(selection.chosen.iter().filter(|at| **at >= 10).count(), 3);
    let reasons = reasons(&items, limits, &selection);
    let expected = |at| {
        if at < 10 {
            DropReason::LevelShare
        } else {
            DropReason::OverBudget
        }
    };
    assert!(reasons.iter().all(|(at, reason)| *reason == expected(*at)));
    assert_eq!(reasons.len() + selection.chosen.len(), items.len());
}

#[test]
fn no_level_keeps_a_share_for_what_is_much_worse() {
    let worse = Item {
        contends: false,
        ..item(2, 10)
    };
    let items: Vec<_> = (0..20).map(|at| if at < 10 { item(0, 10) } else { worse }).collect();
    let selection = choose(&items, limits(Some(100), 100));
    assert_eq!(selection.chosen, (0..10).collect::<Vec<_>>());
}

#[test]
fn the_best_candidate_that_fits_comes_before_the_shares() {
    // The share of each level is too small for the first; both of the others would fit instead of it.
    let items = vec![item(0, 60), item(1, 30), item(2, 30)];
    assert_eq!(choose(&items, limits(Some(70), 9)).chosen, [0]);
    assert_eq!(
        choose(&items, limits(Some(59), 9)).chosen,
        [1],
        "the first fits nowhere"
    );
}

#[test]
fn a_frame_is_paid_once() {
    let framed = |frame| Item { frame, ..item(2, 10) };
    let items = vec![framed(1), framed(2), framed(1)];
    let selection = choose(&items, limits(Some(2 * 10 + FRAME), 9));
    assert_eq!((&selection.chosen[..], selection.tokens), (&[0, 2][..], 27));
}

#[test]
fn without_a_budget_the_best_items_are_chosen() {
    let items = vec![item(0, 5), item(1, 5), item(2, 5)];
    let limits = limits(None, 2);
    let selection = choose(&items, limits);
    assert_eq!(selection.chosen, [0, 1]);
    assert_eq!(reasons(&items, limits, &selection), [(2, DropReason::OverLimit)]);
}

#[test]
fn a_repetition_makes_room_for_the_next_item() {
    let same = Item { text: 1, ..item(2, 50) };
    let items = vec![same, same, item(2, 50)];
    let limits = limits(Some(100), 9);
    let selection = choose(&items, limits);
    assert_eq!(
        (&selection.chosen[..], &selection.repeated[..]),
        (&[0, 2][..], &[1][..])
    );
    assert_eq!(reasons(&items, limits, &selection), [(1, DropReason::NearDuplicate)]);
}

prop_compose! {
    fn candidate()(
        level in 0_usize..3,
        tokens in 0_usize..60,
        contends: bool,
        text in 0_usize..30,
        frame in 0_usize..4,
    ) -> Item {
        Item { level, tokens, contends, text, frame }
    }
}

proptest! {
    #[test]
    fn invariants_hold(
        items in prop::collection::vec(candidate(), 0..60),
        max_tokens in 1_usize..400,
        max_items in 1_usize..40,
        min_contexts_per_level in 0_usize..3,
    ) {
        let shares = Budget { min_contexts_per_level, ..Budget::default() };
        let limits = limits(Some(max_tokens), max_items);
        let selection = select(&items, limits, Some(&shares));
        let chosen = &selection.chosen;
        prop_assert!(selection.tokens <= max_tokens);
        prop_assert!(chosen.len() <= max_items);
        prop_assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]), "no duplicates, best first");
        prop_assert_eq!(&selection, &select(&items, limits, Some(&shares)), "deterministic");
        let mut used = 0;
        for (at, added) in chosen.iter().enumerate() {
            prop_assert!(chosen[at + 1..].iter().all(|next| !items.repeats(*next, *added)), "no repetition");
            used += items.cost(*added, &chosen[..at], usize::MAX).unwrap();
        }
        prop_assert_eq!(used, selection.tokens, "frames are counted once, whatever the order of choice");

        let room = max_tokens - selection.tokens;
        let is_new = |at: &usize| !chosen.iter().any(|chosen| items.repeats(*at, *chosen));
        let left_out: Vec<usize> = (0..items.len()).filter(is_new).filter(|at| !chosen.contains(at)).collect();
        if chosen.len() < max_items {
            prop_assert!(left_out.iter().all(|at| items.cost(*at, chosen, room).is_none()), "nothing more fits");
        }
        let best = (0..items.len()).find(|at| items.cost(*at, &[], max_tokens).is_some());
        prop_assert_eq!(chosen.first().copied(), best, "the best that fits by itself");

        // One that does not contend takes no room from a better one of its frame that is left out.
        let plain = chosen.iter().filter(|at| Some(**at) != best && !items[**at].contends);
        for taken in plain {
            let better = left_out.iter().filter(|at| *at < taken && items[**at].frame == items[*taken].frame);
            for better in better {
                prop_assert!(items[*better].tokens > items[*taken].tokens, "{better} is better than {taken}");
            }
        }
        let reasons = reasons(&items, limits, &selection);
        prop_assert_eq!(reasons.len() + chosen.len(), items.len(), "every item is chosen or has a reason");
    }
}
