using System.Diagnostics.CodeAnalysis;
using Cilium.Core;

namespace Cilium.Policy;

/// <summary>
/// Rules, identities and subjects in, compiled policies out, recomputing only what a change touches.
/// </summary>
/// <remarks>
/// Changes are told one by one and take effect together at <see cref="Commit"/>. A change of rules or of a subject gives its subjects other
/// policies under other names; a change of identities or of the named ports of peers changes policies in place. Thread-safe.
/// </remarks>
public sealed class PolicyEngine
{
    private readonly Lock _lock = new();
    private readonly PolicyOptions _options;
    private readonly RuleCidrs _cidrs;
    private readonly SelectorCache _selectors;
    private readonly PolicyPlans _plans;
    private readonly Dictionary<(string Kind, string Namespace, string Name), PolicyRule[]> _policies = [];
    private readonly Dictionary<PolicySubject, SubjectState> _subjects = [];
    private readonly HashSet<SubjectState> _changedSubjects = [];
    private TaskCompletionSource _nextCommit = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Makes an engine without rules.</summary>
    /// <param name="options">How rules become policies.</param>
    /// <param name="localIdentities">Gives the numbers of prefixes that rules name.</param>
    public PolicyEngine(PolicyOptions options, LocalIdentityAllocator? localIdentities = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        Identities = new IdentityCache(options.Cluster);
        _selectors = new SelectorCache(options.Cluster, Identities);
        _plans = new PolicyPlans(_selectors);
        _cidrs = new RuleCidrs(localIdentities ?? new LocalIdentityAllocator(options.Cluster));
    }

    /// <summary>The identities known, for lookups; change them through the engine only.</summary>
    public IdentityCache Identities { get; }

    /// <summary>Commits so far.</summary>
    public long Revision { get; private set; }

    /// <summary>All rules, in no order.</summary>
    public IReadOnlyList<PolicyRule> Rules
    {
        get
        {
            lock (_lock)
            {
                return [.. _policies.Values.SelectMany(rules => rules)];
            }
        }
    }

    /// <summary>Sets the rules of one object, in the place of those it had. The object is known by kind, namespace and name.</summary>
    public void SetPolicy(PolicyOrigin origin, IEnumerable<PolicyRule> rules)
    {
        ArgumentNullException.ThrowIfNull(origin);
        lock (_lock)
        {
            // Rules are told apart by reference: each object has its own.
            ReplaceRules(origin, [.. rules.Select(rule => rule with { })]);
        }
    }

    /// <summary>Removes the rules of one object; without effect when there are none.</summary>
    public void RemovePolicy(PolicyOrigin origin)
    {
        ArgumentNullException.ThrowIfNull(origin);
        lock (_lock)
        {
            ReplaceRules(origin, []);
        }
    }

    /// <summary>Tells an identity, or new labels of a known one.</summary>
    public void UpsertIdentity(Identity identity, LabelSet labels)
    {
        lock (_lock)
        {
            _selectors.Upsert(new KnownIdentity(identity, labels));
        }
    }

    /// <summary>Tells that an identity is gone.</summary>
    public void RemoveIdentity(Identity identity)
    {
        lock (_lock)
        {
            _selectors.Remove(identity);
        }
    }

    /// <summary>Tells the named ports of all endpoints of an identity, which egress rules may name; none to forget them.</summary>
    public void SetNamedPorts(Identity identity, IEnumerable<NamedPort> ports)
    {
        lock (_lock)
        {
            _plans.SetRemotePorts(identity, NamedPort.Normalize(ports));
        }
    }

    /// <summary>Adds one use of a subject; the first one has its policy compiled at the next commit.</summary>
    public void AddSubject(PolicySubject subject)
    {
        ArgumentNullException.ThrowIfNull(subject);
        lock (_lock)
        {
            if (!_subjects.TryGetValue(subject, out var state))
            {
                state = new SubjectState(subject);
                _subjects.Add(subject, state);
                state.Rules.UnionWith(_policies.Values.SelectMany(rules => rules).Where(state.IsSelectedBy));
                _changedSubjects.Add(state);
            }

            state.Uses++;
        }
    }

    /// <summary>Gives back one use of a subject; the last one forgets it at the next commit.</summary>
    public void RemoveSubject(PolicySubject subject)
    {
        lock (_lock)
        {
            if (_subjects.TryGetValue(subject, out var state) && state.Uses > 0 && --state.Uses == 0)
            {
                _changedSubjects.Add(state);
            }
        }
    }

    /// <summary>Makes all changes since the last commit effective, and says what they changed.</summary>
    public PolicyUpdate Commit()
    {
        TaskCompletionSource committed;
        PolicyUpdate update;
        lock (_lock)
        {
            update = CommitChanges();
            committed = _nextCommit;
            _nextCommit = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        committed.SetResult();
        return update;
    }

    /// <summary>Finds the policy of a subject as of the last commit.</summary>
    public bool TryGet(PolicySubject subject, out PolicyContentId id, [NotNullWhen(true)] out CompiledPolicy? policy)
    {
        lock (_lock)
        {
            var plan = _subjects.GetValueOrDefault(subject)?.Plan;
            id = plan?.Id ?? default;
            policy = plan?.Policy;
            return plan is not null;
        }
    }

    /// <summary>What is behind the verdicts on a subject as of the last commit; null for one without policy. The same object until the subject's rules change.</summary>
    public PolicyAttribution? Attribute(PolicySubject subject)
    {
        lock (_lock)
        {
            return _subjects.GetValueOrDefault(subject)?.Attribution;
        }
    }

    /// <summary>Completes once <see cref="Revision"/> is past a number.</summary>
    public Task WaitPastAsync(long revision, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            return Revision > revision ? Task.CompletedTask : _nextCommit.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>The objects whose rules gave a subject's policy the entry of a key; empty when it has no such entry. Sorted.</summary>
    public IReadOnlyList<PolicyOrigin> Explain(PolicySubject subject, PolicyKey key)
    {
        lock (_lock)
        {
            if (_subjects.GetValueOrDefault(subject) is not { Plan: { } plan } state)
            {
                return [];
            }

            var index = plan.Policy.Entries.AsSpan().BinarySearch(new EntryAt(key));
            if (index < 0)
            {
                return [];
            }

            Identities.TryGet(key.Identity, out var peer);
            var isDeny = plan.Policy.Entries[index].Verdict.IsDeny;
            return
            [
                .. SubjectRules.Gather(state.Rules, subject, _options).Elements
                    .Where(element => element.Content.Direction == key.Direction && element.Content.IsDeny == isDeny)
                    .Where(element => SubjectRules.Yields(element.Content, key, peer, _plans.ReceiverPorts(key, subject), _options.Cluster))
                    .Select(element => element.Origin).Distinct().Order(),
            ];
        }
    }

    /// <summary>The places in rules that gave a subject's policy the entry of a key; empty when it has no such entry. Sorted.</summary>
    public IReadOnlyList<RuleReference> ExplainRules(PolicySubject subject, PolicyKey key)
    {
        lock (_lock)
        {
            // Both of one commit: the entry that one of them finds, another commit may take away.
            var origins = Explain(subject, key);
            if (origins.Count == 0 || _subjects.GetValueOrDefault(subject) is not { Plan: { } plan } state)
            {
                return [];
            }

            Identities.TryGet(key.Identity, out var peer);
            var isDeny = plan.Policy.Entries[plan.Policy.Entries.AsSpan().BinarySearch(new EntryAt(key))].Verdict.IsDeny;
            var ports = _plans.ReceiverPorts(key, subject);
            var places = new List<RuleReference>();
            foreach (var (rule, number) in NumberedRules(state))
            {
                var elements = isDeny ? rule[key.Direction].Deny : rule[key.Direction].Allow;
                for (var i = 0; i < elements.Count; i++)
                {
                    if (elements[i] is { Peers.Count: > 0, Ports.Count: > 0 }
                        && SubjectRules.Yields(new PlanItemContent(key.Direction, isDeny, elements[i]), key, peer, ports, _options.Cluster))
                    {
                        places.Add(new RuleReference(rule.Origin, number, key.Direction, isDeny, i, rule.Description));
                    }
                }
            }

            // What no object says, such as the entry that lets the node reach its endpoints.
            places.AddRange(origins.Where(origin => origin.Kind.Length == 0).Select(origin => new RuleReference(origin, -1, key.Direction, isDeny, -1, "")));
            return places;
        }
    }

    /// <summary>The rules that switch default deny on for a subject and direction. Sorted.</summary>
    public IReadOnlyList<RuleReference> EnforcingRules(PolicySubject subject, TrafficDirection direction)
    {
        lock (_lock)
        {
            return _subjects.GetValueOrDefault(subject) is not { } state
                ? []
                : [.. NumberedRules(state).Where(entry => entry.Rule[direction].DefaultDeny)
                    .Select(entry => new RuleReference(entry.Rule.Origin, entry.Number, direction, false, -1, entry.Rule.Description))];
        }
    }

    private PolicyUpdate CommitChanges()
    {
        // 1. The identities of prefixes that rules name exist before the rules are evaluated.
        var (cidrsAdded, cidrsRemoved) = _cidrs.Commit(_selectors);

        // 2. Existing plans follow the identities; 3. changed subjects find or make their plans; 4. plans without subjects go.
        var contents = _plans.FollowIdentities();
        var assignments = new Dictionary<PolicySubject, PolicyContentId>();
        foreach (var state in _changedSubjects)
        {
            var before = state.Plan;
            if (state.Uses == 0)
            {
                _subjects.Remove(state.Subject);
                state.Plan = null;
            }
            else
            {
                var (ingress, egress, elements) = SubjectRules.Gather(state.Rules, state.Subject, _options);
                state.Plan = _plans.FindOrAdd(ingress, egress, elements.Select(element => element.Content), state.Subject.NamedPorts, contents);
                state.Plan.Subjects++;
                state.Attribution = new PolicyAttribution(elements, state.Subject.NamedPorts, _plans.RemotePorts, _options.Cluster, Revision + 1);
                if (state.Plan != before)
                {
                    assignments.Add(state.Subject, state.Plan.Id);
                }
            }

            if (before is not null)
            {
                before.Subjects--;
            }
        }

        _changedSubjects.Clear();
        var removed = _plans.RemoveUnused(contents);
        Revision++;
        return new PolicyUpdate(contents, assignments, removed, cidrsAdded, cidrsRemoved);
    }

    /// <summary>The rules that select a subject, each with its number in its object, by object and number.</summary>
    /// <remarks>Found by the rules themselves: the name that a rule shows may be another one than its object's.</remarks>
    private IEnumerable<(PolicyRule Rule, int Number)> NumberedRules(SubjectState state) => _policies.Values
        .SelectMany(own => own.Select((rule, number) => (Rule: rule, Number: number))).Where(entry => state.Rules.Contains(entry.Rule))
        .OrderBy(entry => entry.Rule.Origin).ThenBy(entry => entry.Number);

    private void ReplaceRules(PolicyOrigin origin, PolicyRule[] rules)
    {
        var key = (origin.Kind, origin.Namespace, origin.Name);
        var before = _policies.GetValueOrDefault(key) ?? [];
        if (before.AsSpan().SequenceEqual(rules))
        {
            return;
        }

        foreach (var state in _subjects.Values)
        {
            var removed = 0;
            foreach (var rule in before)
            {
                removed += state.Rules.Remove(rule) ? 1 : 0;
            }

            var selected = rules.Where(state.IsSelectedBy).ToArray();
            state.Rules.UnionWith(selected);
            if (removed > 0 || selected.Length > 0)
            {
                _changedSubjects.Add(state);
            }
        }

        _cidrs.Count(rules, +1);
        _cidrs.Count(before, -1);
        if (rules.Length == 0)
        {
            _policies.Remove(key);
        }
        else
        {
            _policies[key] = rules;
        }
    }

    private readonly record struct EntryAt(PolicyKey Key) : IComparable<PolicyEntry>
    {
        public int CompareTo(PolicyEntry other) => Key.CompareTo(other.Key);
    }
}
