
namespace Cilium.Hubble.Filters;

/// <summary>Decides which flows a request wants: any filter of the white list, if there is one, and none of the black list.</summary>
public sealed class FlowMatcher
{
    private readonly Func<Proto.Flow, bool>[][] _allow;
    private readonly Func<Proto.Flow, bool>[][] _deny;

    private FlowMatcher(Func<Proto.Flow, bool>[][] allow, Func<Proto.Flow, bool>[][] deny)
    {
        _allow = allow;
        _deny = deny;
    }

    /// <summary>True when every flow matches.</summary>
    public bool MatchesAll => _allow.Length == 0 && _deny.Length == 0;

    /// <summary>Compiles the lists of a request.</summary>
    /// <exception cref="FlowFilterException">A field's value cannot be understood.</exception>
    public static FlowMatcher Compile(IEnumerable<Proto.FlowFilter> whitelist, IEnumerable<Proto.FlowFilter> blacklist)
    {
        ArgumentNullException.ThrowIfNull(whitelist);
        ArgumentNullException.ThrowIfNull(blacklist);
        return new FlowMatcher([.. whitelist.Select(FlowConditions.Compile)], [.. blacklist.Select(FlowConditions.Compile)]);
    }

    /// <summary>True when the flow is wanted.</summary>
    public bool Matches(Proto.Flow flow) => (_allow.Length == 0 || MatchesAny(_allow, flow)) && !MatchesAny(_deny, flow);

    private static bool MatchesAny(Func<Proto.Flow, bool>[][] filters, Proto.Flow flow)
    {
        foreach (var conditions in filters)
        {
            if (Array.TrueForAll(conditions, condition => condition(flow)))
            {
                return true;
            }
        }

        return false;
    }
}
