using Cilium.ControlPlane.Agent;
using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Ipam;

/// <summary>Modes crd and eni on a node: addresses come from <c>spec.ipam.pool</c> of the CiliumNode, use and answers to releases go to its status.</summary>
internal sealed partial class AddressListLoop(
    AgentTables tables, AgentOptions options, ListedIpam ipam, CiliumNodeWriter writer, TimeProvider time, ILogger<AddressListLoop> logger) : IAgentLoop
{
    private static readonly TimeSpan s_gather = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);

    public string Name => "crd-addresses";

    /// <summary>Takes over what a CiliumNode lists.</summary>
    /// <param name="ipam">The addresses.</param>
    /// <param name="node">The CiliumNode.</param>
    /// <param name="needsInterface">True when only addresses of interfaces that are told may be given (mode <c>eni</c>).</param>
    /// <param name="isRestored">False while addresses of the last run are not taken again: then nothing is let go that may be in use.</param>
    /// <returns>The states of releases to write, null for those to remove.</returns>
    public static IReadOnlyDictionary<IpAddr, string?> Take(ListedIpam ipam, CiliumNodeRow node, bool needsInterface, bool isRestored) => ipam.SetAddresses(
        [.. node.PoolAddresses.Where(pair => !needsInterface || node.Interfaces.Any(eni => eni.Id == pair.Value)).Select(pair => Parse(pair.Key)).Where(address => !address.IsNone)],
        node.ReleaseAddresses.Where(pair => !Parse(pair.Key).IsNone && (isRestored || pair.Value == ReleaseStates.Ready))
            .ToDictionary(pair => Parse(pair.Key), pair => pair.Value));

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await tables.Kubernetes.CiliumNodes.WaitInitializedAsync(cancellationToken).ConfigureAwait(false);
        using var nodes = tables.Kubernetes.CiliumNodes.Subscribe();
        var usage = Task.CompletedTask;
        var wakeup = new Wakeup(time, nodes.WaitAsync, _ => usage);
        while (true)
        {
            usage = ipam.WhenUsageChanges;
            nodes.Drain();
            var isDone = await TryReconcileAsync(cancellationToken).ConfigureAwait(false);
            await Task.Delay(s_gather, time, cancellationToken).ConfigureAwait(false);
            await wakeup.WaitAsync(isDone ? null : s_retry, cancellationToken).ConfigureAwait(false);
        }
    }

    private static IpAddr Parse(string text) => IpAddr.TryParse(text, out var address) ? address : IpAddr.None;

    private async Task<bool> TryReconcileAsync(CancellationToken cancellationToken)
    {
        if (!tables.Kubernetes.CiliumNodes.TryGet(options.NodeName, out var row))
        {
            return true;
        }

        var answers = Take(ipam, row, options.Ipam == "eni", isRestored: true);
        var used = ipam.Snapshot().ToDictionary(lease => lease.Address.ToString(), lease => lease.Owner);
        var changes = used.Where(pair => !row.UsedAddresses.TryGetValue(pair.Key, out var owner) || owner != pair.Value)
            .Select(pair => (pair.Key, Owner: (string?)pair.Value))
            .Concat(row.UsedAddresses.Keys.Where(address => !used.ContainsKey(address)).Select(address => (Key: address, Owner: (string?)null)))
            .ToDictionary(change => change.Key, change => change.Owner);
        if (changes.Count == 0 && answers.Count == 0)
        {
            return true;
        }

        try
        {
            await writer.SetUsedAddressesAsync(row, changes, answers.ToDictionary(pair => pair.Key.ToString(), pair => pair.Value), cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (Exception exception) when (exception is KubernetesException or HttpRequestException or TimeoutException or IOException)
        {
            LogFailed(logger, exception.Message);
            return false;
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Writing the addresses in use to the CiliumNode failed: {Reason}")]
    private static partial void LogFailed(ILogger logger, string reason);
}
