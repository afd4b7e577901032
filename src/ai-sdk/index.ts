export { FlashrowLanguageModel, type LanguageModelSettings, languageModel } from './language-model.js';
