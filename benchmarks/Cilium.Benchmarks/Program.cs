using Cilium.Benchmarks.Addresses;
using Cilium.Benchmarks.Engine;
using Cilium.Benchmarks.Flows;
using Cilium.Benchmarks.Maps;
using Cilium.Benchmarks.Services;
using Cilium.Benchmarks.Tables;

// Each benchmark prints "name value" lines; benchmarks/run repeats them beside their baselines and takes medians.
return args switch
{
    ["maps", var entries, var library] => MapUpdates.Run(Number(entries), library),
    ["tables", var rows] => TableWrites.Run(Number(rows)),
    ["flows", var events] => FlowRecording.Run(Number(events)),
    ["services", var socket, var services, var backends] => await ServiceLoad.CreateAsync(socket, Number(services), Number(backends)),
    ["await-services", var pins, var entries] => ServiceLoad.Await(pins, Number(entries)),
    ["engine", var engine, var runs] => PacketRuns.Run(engine, Number(runs)),
    ["map-operations", var engine, var entries] => MapOperations.Run(engine, Number(entries)),
    ["ipam", var operations] => AddressAllocation.Run(Number(operations)),
    _ => Usage(),
};

static int Number(string text) => int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

static int Usage()
{
    Console.Error.WriteLine("usage: cilium-benchmarks maps ENTRIES LIBRARY | tables ROWS | flows EVENTS | ipam OPERATIONS | services SOCKET COUNT BACKENDS | await-services PINS COUNT | engine kernel|compiled|interpreted RUNS | map-operations kernel|in-process ENTRIES");
    return 2;
}
