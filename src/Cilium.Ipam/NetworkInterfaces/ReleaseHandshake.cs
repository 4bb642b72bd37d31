using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>What an operator shall do about releases of one node now.</summary>
/// <param name="States">The states to write to the node's object; null to remove one.</param>
/// <param name="Unassign">The addresses that the node let go: take them from it in the cloud and from its list, then call <see cref="ReleaseHandshake.Unassigned"/>.</param>
public sealed record ReleaseSteps(IReadOnlyDictionary<IpAddr, string?> States, IReadOnlyList<IpAddr> Unassign);

/// <summary>The operator's side of taking addresses back from a node, of which <see cref="ListedIpam"/> is the other side.</summary>
/// <remarks>
/// An address that is too many for a while is marked; the node answers that it is ready, from when on it never gives that address, or that it must not
/// be released; what is ready is taken away and said to be released, upon which the node forgets it. Nothing is taken away without that answer.
/// Not thread-safe.
/// </remarks>
/// <param name="delay">How long an address must be too many before it is marked.</param>
/// <param name="time">The clock.</param>
public sealed class ReleaseHandshake(TimeSpan delay, TimeProvider time)
{
    private readonly Dictionary<IpAddr, DateTimeOffset> _since = [];
    private readonly HashSet<IpAddr> _gone = [];

    /// <summary>Decides the next steps.</summary>
    /// <param name="releasable">The addresses that are too many and free, as far as is known: <see cref="InterfacePlanner.Releasable"/>.</param>
    /// <param name="states">The states in the node's object.</param>
    public ReleaseSteps Next(IReadOnlyCollection<IpAddr> releasable, IReadOnlyDictionary<IpAddr, string> states)
    {
        ArgumentNullException.ThrowIfNull(releasable);
        ArgumentNullException.ThrowIfNull(states);
        var now = time.GetUtcNow();
        var writes = new Dictionary<IpAddr, string?>();
        var unassign = new List<IpAddr>();

        // 1. What is no longer too many begins anew when it is again.
        foreach (var calm in _since.Keys.Except(releasable).ToList())
        {
            _since.Remove(calm);
        }

        // 2. What is long enough too many is marked, unless a release of it is under way.
        foreach (var address in releasable)
        {
            _since.TryAdd(address, now);
            if (now - _since[address] >= delay && !states.ContainsKey(address))
            {
                writes[address] = ReleaseStates.Marked;
            }
        }

        // 3. Answers. A refusal is cleared, and the wait begins anew; after "ready" there is no way back.
        foreach (var (address, state) in states)
        {
            switch (state)
            {
                case ReleaseStates.Ready when _gone.Contains(address):
                    writes[address] = ReleaseStates.Released;
                    break;
                case ReleaseStates.Ready:
                    unassign.Add(address);
                    break;
                case ReleaseStates.Refused:
                    writes[address] = null;
                    _since.Remove(address);
                    break;
                default:
                    break;
            }
        }

        _gone.IntersectWith(states.Keys);
        return new ReleaseSteps(writes, unassign);
    }

    /// <summary>Says that an address was taken from the node in the cloud and from its list.</summary>
    public void Unassigned(IpAddr address)
    {
        _gone.Add(address);
        _since.Remove(address);
    }
}
