"""What the proposal of a pilot says, in English and in Japanese; braces are filled in."""

from __future__ import annotations

from dataclasses import dataclass

from autolora.report.management.numbers import Language


@dataclass(frozen=True, kw_only=True)
class ProposalWording:
    """Every phrase that the page of a finished search has not."""

    title: str
    made: str
    recommendation: str
    too_short: str
    """Where the budget is not enough."""
    cost: str
    cost_unpriced: str
    cost_people: str
    energy: str
    payback: dict[str, str]
    """By whether it depends on the accuracy."""
    confidence: str
    headings: dict[str, str]
    columns: dict[str, str]
    parts: dict[str, str]
    adapters: dict[str, str]
    today: dict[str, str]
    decision: str
    no_limit: str
    data_stay: str
    scenarios_note: str
    parts_note: str
    memory_note: str
    unknown: str


ENGLISH = ProposalWording(
    title="{name}: proposal of a pilot",
    made="Made on {date}, before anything was trained. Times were measured on the machine at hand ({device}); every number "
    "below says whether it was measured, estimated or entered.",
    recommendation="We propose to find out in {likely} of machine time whether a small adapter can do this work: {trials} "
    "settings are tried on {rows} labelled items and compared with simpler methods on {test} items that none of them has "
    "seen.",
    too_short=" The budget of {budget} is too short for the least that can be compared: {needed} are needed.",
    cost="The search costs about {machine} of machine time ({low} to {high} for {hours_low} to {hours_high}){people}.",
    cost_unpriced="The search takes {hours_low} to {hours_high} of machine time; what an hour costs was not entered{people}.",
    cost_people=", and {staff} for {hours} of people's time",
    energy=" By the watts entered it draws about {kwh} kWh{carbon}.",
    payback={
        "above": "The money comes back within {horizon} months if the adapter is right on more than {level} of the items "
        "that it answers alone; that is what the search will measure.",
        "always": "By the numbers entered the money comes back within {horizon} months however often the adapter is right, "
        "so check the cost of an error.",
        "never": "By the numbers entered the money does not come back within {horizon} months even if the adapter is always "
        "right.",
        "unknown": "When it pays back cannot be said: too little was entered (see below).",
    },
    confidence="Nothing has been trained yet, so quality is unknown. Speed was measured in {calibration}; times may be off by "
    "{spread} either way{limit}.",
    headings={
        "today": "The work as it is, a month", "scenarios": "What comes of it", "parts": "What will be done",
        "adapters": "Size and memory", "cost": "Cost of the pilot",
    },
    columns={
        "accuracy": "Right when it answers alone", "hours": "Hours freed a month", "errors": "Errors avoided a month",
        "net": "Cash a month", "value": "Balance at today's worth", "payback": "Back after (months)",
        "part": "Part", "time": "Time, about", "all": "All", "train": "Training items", "scored": "Items scored on",
        "adapter": "Adapter", "params": "trained numbers", "file": "File", "memory": "Memory to train it",
    },
    parts={
        "start": "Read, start, time", "explore": "Try settings (about {trainings} full trainings)",
        "confirm": "Train up to {finalists} finalists and the simpler methods again", "close": "Test, pack, report",
    },
    adapters={"cheapest": "smallest that is tried", "default": "standard settings", "dearest": "largest that is tried"},
    today={
        "items": "Items", "hours": "Hours of work", "cost": "Cost of these hours", "errors": "Errors",
        "errors_cost": "Cost of these errors",
    },
    decision="Approve {hours_high} of machine time at most{money}, and the time of those who will judge a sample of answers.",
    no_limit=", and no budget limits them",
    data_stay="Everything runs on this machine; no data leave the company.",
    scenarios_note="In full use, with all other numbers as entered. The share above which the money comes back lies between "
    "these lines.",
    parts_note="The whole may take {spread} more or less, and ends at the budget where there is one; what one part leaves another takes.",
    memory_note="The model itself takes {base} of memory and serves every adapter.",
    unknown="–",
)  # fmt: skip

JAPANESE = ProposalWording(
    title="{name}：試験導入の提案",
    made="{date} に、学習を始める前に作成しました。時間は手元の機械（{device}）で測定しました。すべての数値に、測定・推定・入力の別を"
    "示しています。",
    recommendation="小さなアダプターがこの仕事をこなせるかを、機械時間 {likely} で確かめることを提案します。ラベル付きの {rows} 件で "
    "{trials} 通りの設定を試し、どの方法もまだ見ていない {test} 件で、より単純な方法と比べます。",
    too_short="予算の {budget} は、最小限の比較にも足りません。{needed} が必要です。",
    cost="探索の費用は機械時間で約 {machine}（{hours_low} ～ {hours_high} で {low} ～ {high}）{people}です。",
    cost_unpriced="探索には機械時間 {hours_low} ～ {hours_high} がかかります。1 時間あたりの費用は入力されていません{people}。",
    cost_people="、人の作業 {hours} が {staff} ",
    energy="入力されたワット数によれば、電力は約 {kwh} kWh です{carbon}。",
    payback={
        "above": "アダプターが単独で答える案件の {level} より多くを正しく答えれば、{horizon} か月以内に費用を回収します。探索はこの割合を"
        "測ります。",
        "always": "入力された数値では、アダプターの正しさによらず {horizon} か月以内に費用を回収します。誤り 1 件の費用を確かめてください。",
        "never": "入力された数値では、アダプターが常に正しくても {horizon} か月以内に費用を回収できません。",
        "unknown": "回収時期は示せません。入力された項目が足りません（下記）。",
    },
    confidence="まだ何も学習していないため、品質は分かりません。速度は {calibration} で測定しました。時間は前後に {spread} ずれることがあり"
    "ます{limit}。",
    headings={
        "today": "現在の仕事（月）", "scenarios": "見込まれる結果", "parts": "実施する内容", "adapters": "大きさとメモリー",
        "cost": "試験導入の費用",
    },
    columns={
        "accuracy": "単独で答えたときの正しい割合", "hours": "空く時間（月）", "errors": "減る誤り（月）", "net": "月の収支",
        "value": "現在価値での収支", "payback": "回収までの月数", "part": "段階", "time": "時間（約）", "all": "合計",
        "train": "学習の件数", "scored": "採点の件数", "adapter": "アダプター", "params": "学習する数値の個数",
        "file": "ファイル", "memory": "学習に要するメモリー",
    },
    parts={
        "start": "読み込み・起動・計時", "explore": "設定を試す（全学習 約 {trainings} 回分）",
        "confirm": "候補（最大 {finalists} 個）と単純な方法を学習し直す", "close": "テスト・梱包・報告",
    },
    adapters={"cheapest": "試す中で最小", "default": "標準設定", "dearest": "試す中で最大"},
    today={
        "items": "件数", "hours": "作業時間", "cost": "作業時間の費用", "errors": "誤り", "errors_cost": "誤りの費用",
    },
    decision="機械時間 {hours_high} まで{money}の利用と、答えの見本を確認する担当者の時間の承認をお願いします。",
    no_limit="。予算による上限はありません",
    data_stay="すべてこの機械の上で動き、データは社外に出ません。",
    scenarios_note="本格利用時の値で、他の数値は入力のとおりとします。費用を回収できる割合の境は、これらの行の間にあります。",
    parts_note="全体の時間は前後 {spread} ずれることがあり、予算があればそこで終わります。ある段階で余った時間は他の段階が使います。",
    memory_note="モデル自体は {base} のメモリーを使い、すべてのアダプターで共用します。",
    unknown="–",
)  # fmt: skip

PROPOSALS: dict[Language, ProposalWording] = {"en": ENGLISH, "ja": JAPANESE}
