Console.Error.WriteLine("hubble: not assembled yet");
return 1;
