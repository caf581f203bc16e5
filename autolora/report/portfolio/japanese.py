"""The managers' page of a batch in Japanese."""

from __future__ import annotations

from autolora.report.portfolio.wording import Wording

JAPANESE = Wording(
    title="{name}：{count} 件の業務の結果",
    made="{date} にバッチのフォルダーから作成しました。点数と時間は測定値、金額は各業務の設定ファイルの入力によります。",
    unfinished="バッチはまだ終わっていません。現時点の状況です。",
    verdicts={
        "adopt": "アダプター", "keep_default": "標準設定", "use_simpler": "より単純な方法", "not_ready": "時期尚早",
    },
    states={"waiting": "待機中", "running": "実行中", "failed": "失敗", "cancelled": "中止", "done": "完了"},
    headings={
        "recommendation": "推奨", "cost": "これまでの費用", "value": "効果", "confidence": "確からしさ",
        "tasks": "業務の一覧", "scores": "探索のいらない最良の方法との比較", "order": "展開の順序", "storage": "保存する量",
        "share": "アダプターの共用", "time": "時間の使い方", "decision": "お願いする決定", "failed": "失敗した業務", "glossary": "用語",
    },
    columns={
        "task": "業務", "verdict": "推奨", "score": "点数（95 %）", "kpi": "求める水準", "rival": "探索なしの最良",
        "size": "アダプター", "cost": "試行の費用", "net": "月の効果", "payback": "回収", "rows": "件数", "time": "時間",
        "place": "順", "why": "理由",
    },
    recommendation="{count} 件の業務のうち、{parts}です。",
    recommended={
        "adopt": "専用のアダプターに価値があるものが {count} 件", "keep_default": "標準設定で十分なものが {count} 件",
        "use_simpler": "より単純な方法で十分なものが {count} 件", "not_ready": "時期尚早のものが {count} 件",
    },
    none_done="まだ結論の出た業務はありません。",
    not_done="{count} 件はまだ結論がないか、失敗しました。",
    cost="{count} 件中 {done} 件の業務に、機械時間 {hours} を使いました。",
    cost_money="試行の費用は合計 {total} です。",
    cost_unpriced="1 時間あたりの費用は入力されていません。",
    value="最も可能性の高い場合、導入するアダプター（{count} 件）は、本格利用時に運用費を引いて月 {net} の効果があります。"
    "数える期間内に費用を回収するのは {back} 件です。",
    value_unknown="効果の金額は示せません。現在の仕事の費用がどの設定ファイルにも入力されていません。",
    value_some="仕事の費用が入力されていない {count} 件は、この合計に含みません。",
    confidence="それぞれの点数は、すべてを決めた後に一度だけ見たテストデータによります。",
    confidence_wide="最も不確かなのは{name}で、真の点数は {low} から {high} の間にあります。",
    reached="達成",
    missed="未達",
    no_kpi="指定なし",
    payback="{months} か月",
    payback_never="{months} か月以内には回収しない",
    chart="点は見つかった最良のアダプター、線はその 95 % 区間、輪は探索のいらない最良の方法、縦線は求める水準です。",
    chart_own="最良のアダプター",
    chart_rival="探索なしの最良",
    chart_kpi="求める水準",
    order={
        "money": "月 {net} の効果",
        "gain": "残る改善の余地のうち得られる割合が大きい（{rival} に対して {score}）",
        "simpler": "アダプターは不要です。より単純な方法で足ります",
        "loss": "現状では運用費が効果を上回ります（月 {net}）",
        "not_ready": "ラベル付きの案件の追加か、目標の見直しが先です",
        "failed": "データかモデルの修正が先です",
        "cancelled": "中止されました",
        "waiting": "まだ始まっていません",
        "running": "実行中です",
        "done": "展開するものはありません",
    },
    storage="{count} 個のアダプターは合わせて {adapters} です。業務ごとにモデルを持つと {models} で、{times} 倍になります。"
    "モデル本体（{base}）の保存は一つで済みます。",
    storage_none="保存するアダプターはありません。",
    share="{rows}は{adapter}のアダプターを使えます。そこでの点数は {score}、専用のアダプターは {own} です。",
    share_none="ほかの業務の案件で、その業務専用のものと同等のアダプターはありません。",
    share_unknown="同じラベルを持つ完了した業務がないため、互いに代わりになれるものはありません。",
    time="どの業務にも探索に最低限必要な時間を割り当て、残りは次の試行の見込みが最も大きい業務に使いました。",
    time_moved="{name}：試行 {trials} 回、{minutes}{why}{learned}。",
    ended_by={
        "trials": "（求められた回数まで）", "promise": "（次の試行の見込みがほぼなくなるまで）", "time": "（時間の終わりまで）",
        "space": "（すべての設定まで）", "": "",
    },
    learned="。最初に{names}でうまくいった設定を試しました",
    decision="まず{first}、続いて上の順序での展開の承認をお願いします。それぞれの報告書のとおり、試験導入から始めます。",
    decision_none="展開できるものはありません。ラベル付きの案件の追加か、目標の見直しの承認をお願いします。",
    glossary=(
        ("アダプター（LoRA）", "完成した言語モデルに一つの仕事を教える小さなファイル。モデル自体は変わりません。"),
        ("標準設定", "探索せずに学習したアダプター。これで十分だと分かることも成果です。"),
        ("95 % 区間", "真の点数が 95 % の確からしさで入る範囲。件数が少ないほど広くなります。"),
        ("月の効果", "本格利用時に、減る誤りと支払いが減る時間から運用費を引いた金額。"),
    ),
)  # fmt: skip
