using System.Collections.Concurrent;
using Cilium.Core;

namespace Cilium.Policy;

/// <summary>All plans in use, found by what decides them, and the elements they share.</summary>
internal sealed class PolicyPlans(SelectorCache selectors)
{
    private readonly Dictionary<PlanItemContent, PlanItem> _items = [];
    private readonly Dictionary<PlanSignature, PolicyPlan> _plans = [];
    private readonly ConcurrentDictionary<Identity, EquatableArray<NamedPort>> _remotePorts = [];
    private readonly HashSet<Identity> _changedPorts = [];
    private int _lastItem;
    private long _lastPlan;

    public void SetRemotePorts(Identity identity, EquatableArray<NamedPort> ports)
    {
        if (_remotePorts.GetValueOrDefault(identity) != ports)
        {
            _changedPorts.Add(identity);
            if (ports.Count == 0)
            {
                _remotePorts.TryRemove(identity, out _);
            }
            else
            {
                _remotePorts[identity] = ports;
            }
        }
    }

    /// <summary>The named ports of the endpoints of each identity; other threads may read them.</summary>
    public ConcurrentDictionary<Identity, EquatableArray<NamedPort>> RemotePorts => _remotePorts;

    /// <summary>The named ports of whoever receives the traffic of a key.</summary>
    public EquatableArray<NamedPort> ReceiverPorts(PolicyKey key, PolicySubject subject) =>
        key.Direction == TrafficDirection.Ingress ? subject.NamedPorts : _remotePorts.GetValueOrDefault(key.Identity);

    /// <summary>Recompiles in place what the identities and named ports that changed since the last call touch.</summary>
    public List<PolicyContentChange> FollowIdentities()
    {
        var touched = new Dictionary<SelectorMatches, List<Identity>>();
        foreach (var delta in selectors.TakeDeltas())
        {
            touched.Add(delta.Matches, [.. delta.Added, .. delta.Removed]);
        }

        var changes = new List<PolicyContentChange>();
        if (touched.Count > 0 || _changedPorts.Count > 0)
        {
            var identities = new SortedSet<Identity>();
            foreach (var plan in _plans.Values)
            {
                identities.Clear();
                foreach (var item in plan.Items)
                {
                    foreach (var selector in item.Selectors)
                    {
                        if (touched.TryGetValue(selector, out var changed))
                        {
                            identities.UnionWith(changed);
                        }
                    }
                }

                if (plan.HasRemoteNames)
                {
                    identities.UnionWith(_changedPorts);
                }

                if (identities.Count > 0 && plan.Recompile(identities) is { IsEmpty: false } difference)
                {
                    changes.Add(new PolicyContentChange(plan.Id, plan.Policy, difference));
                }
            }
        }

        _changedPorts.Clear();
        return changes;
    }

    /// <summary>Finds the plan of a subject's elements, or makes it and notes it as new.</summary>
    public PolicyPlan FindOrAdd(
        bool ingressEnforced,
        bool egressEnforced,
        IEnumerable<PlanItemContent> elements,
        EquatableArray<NamedPort> namedPorts,
        List<PolicyContentChange> changes)
    {
        var items = elements.Distinct().Select(FindOrAddItem).OrderBy(item => item.Id).ToArray();
        var usesNames = items.Any(item => item.HasNames && item.Content.Direction == TrafficDirection.Ingress);
        var signature = new PlanSignature(
            ingressEnforced, egressEnforced, items.Select(item => item.Id).ToEquatableArray(), usesNames ? namedPorts : default);
        if (!_plans.TryGetValue(signature, out var plan))
        {
            foreach (var item in items)
            {
                item.Plans++;
            }

            plan = new PolicyPlan(new PolicyContentId(++_lastPlan), signature, items, _remotePorts);
            _plans.Add(signature, plan);
            changes.Add(new PolicyContentChange(plan.Id, plan.Policy, null));
        }

        return plan;
    }

    /// <summary>Forgets plans without subjects and elements without plans. What endpoints may still have changes in place to the last; what is new, nobody saw.</summary>
    public List<PolicyContentId> RemoveUnused(List<PolicyContentChange> changes)
    {
        var unused = _plans.Values.Where(plan => plan.Subjects == 0).ToArray();
        var removed = new HashSet<PolicyContentId>();
        foreach (var plan in unused)
        {
            _plans.Remove(plan.Signature);
            removed.Add(plan.Id);
            foreach (var item in plan.Items)
            {
                if (--item.Plans == 0)
                {
                    _items.Remove(item.Content);
                    foreach (var selector in item.Selectors)
                    {
                        selectors.Release(selector);
                    }
                }
            }
        }

        changes.RemoveAll(change => change.InPlace is null && removed.Contains(change.Id));
        return [.. removed];
    }

    private PlanItem FindOrAddItem(PlanItemContent content)
    {
        if (!_items.TryGetValue(content, out var item))
        {
            item = new PlanItem(++_lastItem, content, selectors);
            _items.Add(content, item);
        }

        return item;
    }
}
