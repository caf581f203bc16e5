"""What the page says to those who judge, in English and in Japanese."""

from __future__ import annotations

from dataclasses import dataclass

from autolora.review.records import Language


@dataclass(frozen=True, kw_only=True)
class Wording:
    """Every phrase of the page in one language; braces are filled in."""

    title: str
    guidance: str
    blind: str
    keys: str
    name: str
    progress: str
    item: str
    answer: str
    nothing: str
    accept: str
    edit: str
    reject: str
    edit_text: str
    edit_class: str
    edit_classes: str
    edit_number: str
    choose: str
    reason: str
    reason_needed: str
    save: str
    save_unfinished: str
    load: str
    start_over: str
    sure: str
    kept: str
    not_kept: str
    saved: str
    saved_unfinished: str
    loaded: str
    no_name: str
    missing: str
    not_this: str
    changed: str
    no_script: str


WORDINGS: dict[Language, Wording] = {
    "en": Wording(
        title="Review of answers",
        guidance="Judge each answer as you would in your work: accept it if you would use it as it is, edit it if a "
        "change makes it usable, reject it if it is of no use.",
        blind="Answers come from several sources in a random order; judge each by itself. None is marked as right.",
        keys="Keys on an answer: a accepts, e edits, r rejects; Enter in the reason goes on to the next answer. What "
        "you do is kept in this browser until you save it as a file.",
        name="Your name",
        progress="{done} of {all} answers judged",
        item="Text {at} of {all}",
        answer="Answer",
        nothing="(nothing)",
        accept="Accept",
        edit="Edit",
        reject="Reject",
        edit_text="What it should have been",
        edit_class="The right class",
        edit_classes="The right classes (none is possible)",
        edit_number="The right number",
        choose="Choose",
        reason="Reason",
        reason_needed="Reason (needed to reject)",
        save="Save",
        save_unfinished="Save unfinished",
        load="Go on with a saved file",
        start_over="Start over",
        sure="Forget every judgement on this page?",
        kept="Kept in this browser.",
        not_kept="This browser keeps nothing: save unfinished before you close the page.",
        saved="Saved as {file}. Send this file back.",
        saved_unfinished="Saved as {file}: unfinished, to go on with later.",
        loaded="Loaded {file}.",
        no_name="Please write your name first.",
        missing="{count} still to judge: an edit needs what it should have been, a rejection a reason.",
        not_this="{file} is no saved file of this review.",
        changed="{file} was changed after it was saved, and is not loaded.",
        no_script="This page needs JavaScript.",
    ),
    "ja": Wording(
        title="回答のレビュー",
        guidance="普段の仕事と同じ目で、回答を一つずつ判定してください。そのまま使えるなら「採用」、直せば使えるなら「修正」、"
        "使えないなら「却下」です。",
        blind="回答の出どころは複数あり、順番は無作為です。一つずつ単独で判定してください。正解の印はありません。",
        keys="キー操作：回答の上で a は採用、e は修正、r は却下。理由の欄で Enter を押すと次の回答へ進みます。"
        "ファイルに保存するまで、入力はこのブラウザーに残ります。",
        name="お名前",
        progress="{all} 件中 {done} 件を判定済み",
        item="文 {at} / {all}",
        answer="回答",
        nothing="（なし）",
        accept="採用",
        edit="修正",
        reject="却下",
        edit_text="正しくはこうあるべき",
        edit_class="正しい分類",
        edit_classes="正しい分類（なしも可）",
        edit_number="正しい数値",
        choose="選んでください",
        reason="理由",
        reason_needed="理由（却下には必要）",
        save="保存",
        save_unfinished="途中で保存",
        load="保存したファイルから続ける",
        start_over="最初からやり直す",
        sure="このページの判定をすべて消しますか。",
        kept="このブラウザーに残しました。",
        not_kept="このブラウザーには残せません。閉じる前に「途中で保存」を押してください。",
        saved="{file} に保存しました。このファイルを返送してください。",
        saved_unfinished="{file} に保存しました（途中）。あとで続けられます。",
        loaded="{file} を読み込みました。",
        no_name="先にお名前を入力してください。",
        missing="未判定が {count} 件あります。修正には正しい内容、却下には理由が必要です。",
        not_this="{file} はこのレビューの保存ファイルではありません。",
        changed="{file} は保存後に変更されているため、読み込みません。",
        no_script="このページには JavaScript が必要です。",
    ),
}
