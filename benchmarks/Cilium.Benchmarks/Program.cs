using Cilium.Benchmarks.Addresses;
using Cilium.Benchmarks.Flows;
using Cilium.Benchmarks.Maps;
using Cilium.Benchmarks.Tables;

// Each benchmark prints "name value" lines; benchmarks/run repeats them beside their baselines and takes medians.
return args switch
{
    ["maps", var entries] => MapUpdates.Run(int.Parse(entries, System.Globalization.CultureInfo.InvariantCulture)),
    ["tables", var rows] => TableWrites.Run(int.Parse(rows, System.Globalization.CultureInfo.InvariantCulture)),
    ["flows", var events] => FlowRecording.Run(int.Parse(events, System.Globalization.CultureInfo.InvariantCulture)),
    ["ipam", var operations] => AddressAllocation.Run(int.Parse(operations, System.Globalization.CultureInfo.InvariantCulture)),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: cilium-benchmarks maps ENTRIES | tables ROWS | flows EVENTS | ipam OPERATIONS");
    return 2;
}
