#!/bin/sh
# Every sweep behind docs/findings.md, resumable: sh benchmarks/twins/sweep.sh, then with the hub at hand
# sh benchmarks/twins/sweep.sh mteb. Flags after the name go to every sweep. The twins with a LoRA a task meet each task
# with that task's own LoRA only; on the embedded tasks also without and with the prefixed twin's strings.
set -e
bench=${PREFIXBENCH:-.venv/bin/prefixbench}
preset=twins${1:+-$1}
[ $# -eq 0 ] || shift
adapters=prefixbench/minilm-adapters,prefixbench/minilm-adapters-prefix

own() {
    tasks=$2 conditions="correct,adapter:$1,foreign:prefixbench+adapter:$1"
    shift 2
    $bench sweep --models $adapters --tasks "$tasks" --conditions "$conditions" --results "results/$preset" "$@"
}

$bench sweep --preset "$preset" --results "results/$preset" "$@"
if [ "$preset" = twins ]; then
    own search StarterDocRetrieval,StarterCodeRetrieval,StarterReranking "$@"
    own similarity StarterPairClassification "$@"
    own classification StarterClassification "$@"
    own clustering StarterClustering "$@"
else
    $bench sweep --models $adapters --conditions correct --results "results/$preset" "$@" \
        --tasks XQuADRetrieval:en,MBPPRetrieval,STSBenchmark,PoemSentimentClassification,SIB200ClusteringS2S:eng_Latn
fi
