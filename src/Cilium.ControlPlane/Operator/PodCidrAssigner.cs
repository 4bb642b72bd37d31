using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Operator;

/// <summary>Decides which pod CIDRs each node has: what nodes hold already stays theirs, what is missing comes from the pools.</summary>
/// <remarks>Pure bookkeeping over rows, without I/O. Not thread-safe.</remarks>
public sealed class PodCidrAssigner
{
    private readonly CidrPool? _ipv4;
    private readonly CidrPool? _ipv6;
    private readonly Dictionary<string, List<Prefix>> _held = [];
    private readonly Dictionary<string, Dictionary<Prefix, string>> _refused = [];
    private readonly HashSet<string> _waiting = [];
    private readonly List<Prefix> _blocked = [];

    /// <summary>Makes an assigner; a null pool is a family that nodes do not get.</summary>
    public PodCidrAssigner(CidrPool? ipv4, CidrPool? ipv6)
    {
        _ipv4 = ipv4;
        _ipv6 = ipv6;
    }

    /// <summary>Takes note of what nodes hold, before anything is given: by name, so that of two holders the same one wins each time.</summary>
    public void Restore(IEnumerable<CiliumNodeRow> nodes)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        foreach (var node in nodes.OrderBy(node => node.Name, StringComparer.Ordinal))
        {
            Occupy(node);
        }
    }

    /// <summary>Decides for one node.</summary>
    public PodCidrDecision Decide(CiliumNodeRow node)
    {
        ArgumentNullException.ThrowIfNull(node);
        Occupy(node);
        var errors = new List<string>();
        errors.AddRange(node.InvalidPodCidrs.Select(text => $"'{text}' is not a CIDR prefix"));
        if (_refused.TryGetValue(node.Name, out var refused))
        {
            errors.AddRange(refused.OrderBy(pair => pair.Key).Select(pair => pair.Value));
        }

        var held = HeldBy(node.Name);
        _waiting.Remove(node.Name);
        AddMissing(_ipv4, true, node, held, errors);
        AddMissing(_ipv6, false, node, held, errors);

        // What was written stays, in its order, also what is refused: pods may use it. New CIDRs follow.
        var wanted = node.PodCidrs.Concat(held.Where(cidr => !node.PodCidrs.Contains(cidr))).ToEquatableArray();
        return new PodCidrDecision(wanted, string.Join("; ", errors));
    }

    /// <summary>Takes back all that a vanished node held.</summary>
    /// <returns>The nodes that got nothing until now and may get something.</returns>
    public IReadOnlyCollection<string> Release(string nodeName)
    {
        var hadRefused = _refused.Remove(nodeName);
        _waiting.Remove(nodeName);
        _held.Remove(nodeName, out var held);
        held ??= [];
        if (held.Count == 0 && !hadRefused)
        {
            return [];
        }

        foreach (var cidr in held.Concat(_blocked.Where(cidr => !IsForeign(cidr))).ToArray())
        {
            PoolOf(cidr)?.Release(cidr);
            _blocked.Remove(cidr);
        }

        // Whoever was refused because this node held the same CIDR may have it now.
        return [.. _waiting, .. _refused.Where(pair => pair.Value.Keys.Any(held.Contains)).Select(pair => pair.Key)];
    }

    private void Occupy(CiliumNodeRow node)
    {
        var held = HeldBy(node.Name);
        _refused.Remove(node.Name);
        foreach (var cidr in node.PodCidrs)
        {
            if (held.Contains(cidr) || PoolOf(cidr) is not { } pool)
            {
                continue;
            }

            var result = pool.Occupy(cidr);
            if (result.IsOk)
            {
                held.Add(cidr);
            }
            else
            {
                if (!_refused.TryGetValue(node.Name, out var refused))
                {
                    _refused.Add(node.Name, refused = []);
                }

                // Without the pool's usage: the text must not change while its cause does not.
                refused[cidr] = result.Status == AllocationStatus.InUse
                    ? $"{cidr} is in use by another node"
                    : $"{cidr} is not a /{pool.MaskSize} of the configured pod CIDRs";
            }
        }
    }

    private void AddMissing(CidrPool? pool, bool isIPv4, CiliumNodeRow node, List<Prefix> held, List<string> errors)
    {
        if (pool is null || held.Exists(cidr => cidr.IsIPv4 == isIPv4) || node.PodCidrs.Any(cidr => cidr.IsIPv4 == isIPv4))
        {
            return;
        }

        for (var result = pool.Allocate(); result.IsOk; result = pool.Allocate())
        {
            if (!IsForeign(result.Cidr))
            {
                held.Add(result.Cidr);
                return;
            }

            // A node still uses a CIDR of another size around it: nobody may have it while that node lives.
            _blocked.Add(result.Cidr);
        }

        errors.Add($"allocator full: no /{pool.MaskSize} is free in the {(isIPv4 ? "IPv4" : "IPv6")} pod CIDRs");
        _waiting.Add(node.Name);
    }

    /// <summary>True when a node that was refused a CIDR nevertheless uses addresses of this one.</summary>
    private bool IsForeign(Prefix cidr) =>
        _refused.Values.Any(refused => refused.Keys.Any(other => other.Length != cidr.Length && other.Overlaps(cidr)));

    private CidrPool? PoolOf(Prefix cidr) => cidr.IsIPv4 ? _ipv4 : _ipv6;

    private List<Prefix> HeldBy(string nodeName)
    {
        if (!_held.TryGetValue(nodeName, out var held))
        {
            _held.Add(nodeName, held = []);
        }

        return held;
    }
}

/// <summary>What a node shall have.</summary>
/// <param name="PodCidrs">All pod CIDRs, in order.</param>
/// <param name="Error">What to tell on the node; empty when all is well.</param>
public readonly record struct PodCidrDecision(EquatableArray<Prefix> PodCidrs, string Error);
