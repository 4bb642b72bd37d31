using System.Diagnostics;
using System.Globalization;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Datapath;
using Cilium.Datapath.Endpoints;
using Cilium.Datapath.Kernel;
using Cilium.Netlink;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.KernelTests;

/// <summary>
/// A process that runs a node's datapath until it is killed, as an agent does. It says "ready" when its two endpoints can carry traffic and
/// from then on gives the second, by turns, one policy or another, with a line for each turn.
/// </summary>
internal sealed class DatapathOwner : IDisposable
{
    internal const string Command = "own-datapath";
    private readonly Process _process;

    private DatapathOwner(Process process) => _process = process;

    internal static async Task<DatapathOwner> StartAsync(TestNode node, TestPod first, TestPod second)
    {
        string[] arguments =
        [
            Command, node.NamespaceName, node.Options.BpfRoot, node.Options.CgroupRoot, Text(node.Number), Text(first.Row.Id.Value), Text(second.Row.Id.Value),
        ];
        var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, arguments) { RedirectStandardOutput = true })!;
        var owner = new DatapathOwner(process);
        await owner.HearAsync("ready");
        return owner;
    }

    /// <summary>Waits for a line of the process.</summary>
    internal async Task HearAsync(string wanted)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await _process.StandardOutput.ReadLineAsync(limit.Token) is { } line)
        {
            if (line == wanted)
                return;
        }
        Assert.Fail($"the process ended before it said {wanted}");
    }

    /// <summary>SIGKILL: nothing of the process runs any more.</summary>
    internal async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }

    internal static async Task<int> RunAsync(string[] arguments)
    {
        var number = int.Parse(arguments[3], CultureInfo.InvariantCulture);
        using var ns = NetworkNamespace.OpenNamedOrNull(arguments[0]) ?? throw new InvalidOperationException($"there is no namespace {arguments[0]}");
        using var netlink = RouteNetlink.Open(ns);
        var tables = new DatapathTables(new StateStore());
        using var datapath = new KernelDatapath(
            tables, TestNode.OptionsOf(arguments[1], arguments[2]), NodeNamespace.Other(ns), [], TimeProvider.System, NullLoggerFactory.Instance);
        await datapath.StartAsync(TestNode.RowOf(number), CancellationToken.None);

        var rows = arguments[4..].Select(text => ushort.Parse(text, CultureInfo.InvariantCulture))
            .Select(id => TestPod.RowOf(number, id, netlink.FindLink(TestPod.DeviceOf(id))!.Index)).ToArray();
        PolicyRow[] policies = [PolicyOf(1, rows[0].Identity), PolicyOf(2, rows[0].Identity, new Identity(5000))];
        await PutAsync(rows[0]);
        await PutAsync(rows[1] with { Policy = policies[0].Key }, policies[0]);
        Console.WriteLine("ready");
        for (var turn = 1; ; turn++)
        {
            var policy = policies[turn % 2];
            await PutAsync(rows[1] with { Policy = policy.Key }, policy);
            Console.WriteLine("turn");
        }

        async Task PutAsync(EndpointRow row, PolicyRow? policy = null)
        {
            var revision = tables.Store.Write(write =>
            {
                if (policy is not null)
                    write.Upsert(tables.Policies, policy);
                write.Upsert(tables.Endpoints, row);
            });
            await datapath.WaitForEndpointAsync(row.Id, revision, CancellationToken.None);
        }
    }

    /// <summary>Lets the identities in by any protocol, and nobody else.</summary>
    internal static PolicyRow PolicyOf(long key, params Identity[] allowed) => new()
    {
        Key = new PolicyContentKey(key),
        IngressEnforced = true,
        EgressEnforced = false,
        Entries = allowed.Select(identity => new PolicyEntry(new PolicyKey(TrafficDirection.Ingress, identity, L4Protocol.Any, 0, 0), PolicyVerdict.Allow)).ToEquatableArray(),
    };

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
