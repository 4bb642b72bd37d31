using System.Collections.Immutable;

namespace Cilium.Hubble.Serving;

/// <summary>A node whose Hubble server a relay may connect to.</summary>
/// <param name="Name">The node as flows name it: <c>cluster/node</c>, or the bare node name in the cluster called default.</param>
/// <param name="Address">Where its server listens: <c>address:port</c>.</param>
/// <param name="TlsServerName">The name in its certificate; empty when TLS is off.</param>
public sealed record HubblePeer(string Name, string Address, string TlsServerName = "");

/// <summary>The nodes of the cluster as peers; written by the control plane, streamed to relays.</summary>
/// <remarks>Thread-safe. A slow listener sees the difference between what it last saw and the present, never a backlog.</remarks>
public sealed class PeerDirectory
{
    private readonly Lock _writing = new();
    private State _state = new(
        ImmutableSortedDictionary<string, HubblePeer>.Empty.WithComparers(StringComparer.Ordinal),
        new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    /// <summary>The peers of this moment, by name.</summary>
    public ImmutableSortedDictionary<string, HubblePeer> Current => Volatile.Read(ref _state).Peers;

    /// <summary>Adds or replaces a peer.</summary>
    public void Set(HubblePeer peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        Change(peers => peers.SetItem(peer.Name, peer));
    }

    /// <summary>Removes a peer; absent is success.</summary>
    public void Remove(string name) => Change(peers => peers.Remove(name));

    /// <summary>The peers, and a task that completes when they are no longer these.</summary>
    public (ImmutableSortedDictionary<string, HubblePeer> Peers, Task Changed) Watch()
    {
        var state = Volatile.Read(ref _state);
        return (state.Peers, state.Changed.Task);
    }

    private void Change(Func<ImmutableSortedDictionary<string, HubblePeer>, ImmutableSortedDictionary<string, HubblePeer>> change)
    {
        State before;
        lock (_writing)
        {
            before = _state;
            var peers = change(before.Peers);
            if (ReferenceEquals(peers, before.Peers))
            {
                return;
            }

            Volatile.Write(ref _state, new State(peers, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)));
        }

        before.Changed.TrySetResult();
    }

    private sealed record State(ImmutableSortedDictionary<string, HubblePeer> Peers, TaskCompletionSource Changed);
}
