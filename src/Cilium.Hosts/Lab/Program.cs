using System.CommandLine;
using Cilium.Hosts.Lab;
using Cilium.Lab.Workloads;

// Containers start this way, many at a time: nothing else is loaded first.
if (args is ["workload", var server, "--port", var port, ..])
{
    var zone = Array.IndexOf(args, "--zone") is var at and > 0 ? args[at + 1] : "";
    var rest = Array.IndexOf(args, "--") is var end and > 0 ? args[(end + 1)..] : [];
    return await WorkloadProcess.RunAsync(server, int.Parse(port, System.Globalization.CultureInfo.InvariantCulture), zone, rest, CancellationToken.None);
}

// Who interrupts a demonstration gets a machine without it: to take a lab down takes longer than the two seconds that are usual.
return await LabCommands.Build().Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(1) });
