using Cilium.Core;

namespace Cilium.Policy;

/// <summary>A selector in use with the identities it matches now.</summary>
internal sealed class SelectorMatches
{
    internal SelectorMatches(PeerSelector selector) => Selector = selector;

    /// <summary>The selector.</summary>
    public PeerSelector Selector { get; }

    /// <summary>The identities, in no order.</summary>
    public IReadOnlyCollection<Identity> Identities => Set;

    internal HashSet<Identity> Set { get; } = [];

    internal HashSet<Identity> Changed { get; } = [];

    internal int Uses { get; set; }

    /// <summary>True when the identity is matched.</summary>
    public bool Contains(Identity identity) => Set.Contains(identity);
}

/// <summary>How the matches of a selector changed.</summary>
/// <param name="Matches">The selector, with its identities after the change.</param>
/// <param name="Added">Identities that are new.</param>
/// <param name="Removed">Identities that are gone.</param>
internal sealed record SelectorDelta(SelectorMatches Matches, IReadOnlyList<Identity> Added, IReadOnlyList<Identity> Removed);
