using Cilium.Core;
using FsCheck;
using FsCheck.Fluent;

namespace Cilium.Policy.Tests.Labels;

public sealed class LabelPatternProperties
{
    private static readonly Gen<string> s_piece = Gen.Elements("a", "b", "ab", @"\.", @"\-", "/", "_", "1", ".*", ".", "a*", "(a|b)", "[ab]", "$");
    private static readonly Gen<string> s_letters = Gen.Elements("a", "b", "ab", ".", "-", "/", "_", "1", "\n", "x");

    [Fact]
    public void Literals_are_compared_as_their_regular_expressions_would_be() => Prop.ForAll(
        Arb.From(from pieces in s_piece.ListOf() where pieces.Count is > 0 and < 6 select string.Concat(pieces)),
        Arb.From(from letters in s_letters.ListOf() where letters.Count < 8 select string.Concat(letters)),
        (expression, key) =>
        {
            var match = LabelPattern.ToRegex(expression, expression).Match(key);
            return new LabelPattern(expression).MatchLength(new Label("k8s", key, "")) == (match.Success ? match.Length : 0);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(5000));
}
