#!/bin/sh
# Every sweep behind docs/findings.md, resumable: sh benchmarks/twins/sweep.sh, then with the hub at hand
# sh benchmarks/twins/sweep.sh mteb. Flags after the name go to every sweep. The twins with a LoRA a task meet each task
# with that task's own LoRA only, without and with the prefixed twin's strings.
set -e
bench=${PREFIXBENCH:-.venv/bin/prefixbench}
preset=twins${1:+-$1}
[ $# -eq 0 ] || shift
adapters=prefixbench/minilm-adapters,prefixbench/minilm-adapters-prefix

own() {
    adapter=$1 tasks=$2
    shift 2
    $bench sweep --models $adapters --tasks "$tasks" --results "results/$preset" \
        --conditions "correct,adapter:$adapter,foreign:prefixbench+adapter:$adapter" "$@"
}

$bench sweep --preset "$preset" --results "results/$preset" "$@"
if [ "$preset" = twins ]; then
    own search StarterDocRetrieval,StarterCodeRetrieval,StarterReranking "$@"
    own similarity StarterPairClassification "$@"
    own classification StarterClassification "$@"
    own clustering StarterClustering "$@"
else
    own search XQuADRetrieval:en,MBPPRetrieval "$@"
    own similarity STSBenchmark "$@"
    own classification PoemSentimentClassification "$@"
    own clustering SIB200ClusteringS2S:eng_Latn "$@"
fi
